"""The programme of the simulated on-sale: acts, venues and prices, drawn into shows by a seeded generator.

Acts are invented; venues are of realistic size, so that a club sells out in seconds and a stadium does not.
"""

import random
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import NamedTuple


class Act(NamedTuple):
    """Who plays: `slug` starts the schedule id, `title` is shown, `korean` chooses the venue's language."""

    slug: str
    title: str
    genre: str
    korean: bool


class Venue(NamedTuple):
    """Where: both names, both regions, seats."""

    name: str
    name_ko: str
    region: str
    region_ko: str
    capacity: int


ACTS = (
    Act("HanbitDreamConcert", "한빛 드림콘서트", "K-Pop", True),
    Act("NeonHarborWorldTour", "Neon Harbor World Tour", "K-Pop", False),
    Act("SeoyunEncore", "서윤 앙코르 콘서트 〈봄의 편지〉", "발라드", True),
    Act("PaperLanternsLive", "Paper Lanterns: Live at Last", "Indie", False),
    Act("DalbitFestival", "달빛 재즈 페스티벌", "재즈", True),
    Act("VelvetCircuit", "Velvet Circuit — Afterglow Tour", "Electronic", False),
    Act("MusicalGyeongseong", "뮤지컬 〈경성의 밤〉", "뮤지컬", True),
    Act("NorthernStrings", "Northern Strings plays Dvořák", "Classical", False),
    Act("HongdaeClubNight", "홍대 클럽 나이트", "인디", True),
    Act("IronOrchid", "Iron Orchid: Louder Than Rain", "Metal", False),
    Act("WorldDJFestival", "World DJ Festival", "EDM", False),
    Act("ParkDohyunFanMeeting", "박도현 팬미팅 〈너에게 가는 길〉", "팬미팅", True),
    Act("SummerRainRock", "여름비 록 페스티벌", "록", True),
    Act("MidnightTrotShow", "미드나잇 트로트 쇼", "트로트", True),
    Act("GlassMeridian", "Glass Meridian — One Night Only", "Pop", False),
    Act("BusanSeaConcert", "부산 바다 콘서트", "가요", True),
    Act("TheSlowTrains", "The Slow Trains, Unplugged", "Folk", False),
    Act("LeeHarinPiano", "이하린 피아노 리사이틀", "클래식", True),
    Act("HexagonGirls", "HEXAGON 1st Concert 〈SIX〉", "K-Pop", True),
    Act("ArcadeHearts", "Arcade Hearts in Seoul", "Synthpop", False),
    Act("NewYearPhilharmonic", "신년음악회 — 한강 필하모닉", "클래식", True),
    Act("CobaltChoir", "Cobalt Choir: Songs of Winter", "Choral", False),
    Act("StandUpSaturday", "스탠드업 새터데이", "코미디", True),
    Act("LowTideSociety", "Low Tide Society", "Indie", False),
    Act("MusicalLighthouse", "Musical “The Lighthouse Keeper”", "Musical", False),
    Act("KimJaewonBand", "김재원 밴드 20주년 투어", "록", True),
    Act("PansoriChunhyang", "판소리 완창 〈춘향가〉", "국악", True),
    Act("QuietStormTrio", "Quiet Storm Trio", "Jazz", False),
    Act("StarlightKidsShow", "별빛 어린이 뮤지컬", "어린이", True),
    Act("RedLinePunkNight", "Red Line Punk Night", "Punk", False),
    Act("YoonSeulWinter", "윤슬 겨울 콘서트 〈첫눈〉", "발라드", True),
    Act("OrbitNineDome", "ORBIT9 Dome Tour", "K-Pop", True),
    Act("SaffronDesert", "Saffron Desert — Asia 2026", "Rock", False),
    Act("GugakFusion", "국악 퓨전 〈바람길〉", "국악", True),
    Act("HiphopUnderground", "언더그라운드 힙합 쇼케이스", "힙합", True),
    Act("SilverScreenOrchestra", "Silver Screen in Concert", "Film music", False),
    Act("BalletSwanLake", "발레 〈백조의 호수〉", "발레", True),
    Act("TinyRoomSessions", "Tiny Room Sessions", "Acoustic", False),
    Act("JejuIslandMusic", "제주 아일랜드 뮤직 위켄드", "페스티벌", True),
    Act("ParallelWest", "Parallel West: Homecoming", "Country", False),
)

VENUES = (
    Venue("Rolling Hall", "롤링홀", "Seoul", "서울", 480),
    Venue("Club Indigo", "클럽 인디고", "Seoul", "서울", 220),
    Venue("Harbour Basement", "하버 베이스먼트", "Busan", "부산", 300),
    Venue("Blue Square Hall", "블루스퀘어홀", "Seoul", "서울", 1_760),
    Venue("Arts Center Concert Hall", "예술의전당 콘서트홀", "Seoul", "서울", 2_480),
    Venue("Sori Arts Hall", "소리문화의전당", "Jeonju", "전주", 2_030),
    Venue("Dream Theater", "드림씨어터", "Busan", "부산", 1_720),
    Venue("Suseong Artpia", "수성아트피아", "Daegu", "대구", 1_150),
    Venue("Gwangju Culture Hall", "광주 문화예술회관", "Gwangju", "광주", 1_730),
    Venue("EXCO Auditorium", "엑스코 오디토리움", "Daegu", "대구", 3_100),
    Venue("Expo Theatre", "엑스포 아트홀", "Daejeon", "대전", 2_600),
    Venue("Songdo Convensia", "송도 컨벤시아", "Incheon", "인천", 2_000),
    Venue("Jamsil Arena", "잠실실내체육관", "Seoul", "서울", 7_500),
    Venue("KINTEX Hall 9", "킨텍스 9홀", "Goyang", "고양", 9_800),
    Venue("Olympic Gymnastics Arena", "올림픽 체조경기장", "Seoul", "서울", 14_700),
    Venue("Gocheok Dome", "고척스카이돔", "Seoul", "서울", 18_000),
    Venue("Jeju Seaside Stage", "제주 해변 특설무대", "Jeju", "제주", 5_000),
    Venue("Asiad Stadium", "아시아드 주경기장", "Busan", "부산", 32_000),
)

PRICES_KRW = (33_000, 55_000, 66_000, 77_000, 88_000, 99_000, 121_000, 143_000, 165_000)

CURTAIN_HOURS_UTC = (5, 9, 10, 11)
"""Shows begin at 14:00, 18:00, 19:00 or 20:00 in Seoul, which is nine hours ahead of UTC."""


@dataclass(slots=True, eq=False)
class Show:
    """One schedule on sale. `left` is what can still be bought; the rest is fixed or set by the simulator."""

    schedule_id: str
    act: Act
    venue: Venue
    price_krw: int
    popularity: float
    starts_at_ms: int
    opens_at_ms: int
    left: int
    sold_out_at_ms: int | None = None
    quiet_until_ms: int = 0
    """Nobody buys before this: returned seats stay visible for a moment before the next buyer finds them."""


class Programme:
    """Draws shows one after another, endlessly; the same seed and times draw the same shows."""

    def __init__(self, rng: random.Random, first_day: datetime) -> None:
        self._rng = rng
        self._first_day = first_day.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        self._dates_of: dict[str, int] = {}
        self._homes = {act.slug: (rng.choice(VENUES), rng.choice(PRICES_KRW)) for act in ACTS}
        ranked = list(ACTS)
        rng.shuffle(ranked)
        # A few acts draw most of the crowd: popularity falls with the rank, as in charts of all kinds.
        self._popularity = {act.slug: 1 / (rank + 1) ** 0.9 for rank, act in enumerate(ranked)}

    def draw(self, opens_at_ms: int, act: Act | None = None) -> Show:
        """The next date of `act` (of any act when None), on sale from opens_at_ms (epoch milliseconds)."""
        rng = self._rng
        act = act or rng.choice(ACTS)
        number = self._dates_of[act.slug] = self._dates_of.get(act.slug, 0) + 1
        venue, price_krw = self._homes[act.slug]
        if number > 1 and rng.random() < 0.5:
            venue = rng.choice(VENUES)  # a tour: some further dates are in other towns
        day = self._first_day + timedelta(days=30 + 3 * number + rng.randrange(3))
        starts_at = day + timedelta(hours=rng.choice(CURTAIN_HOURS_UTC))
        return Show(
            schedule_id=f"{act.slug}{day:%Y%m%d}-{number}",
            act=act,
            venue=venue,
            price_krw=price_krw,
            popularity=self._popularity[act.slug] * rng.lognormvariate(0, 0.5),
            starts_at_ms=int(starts_at.timestamp() * 1000),
            opens_at_ms=opens_at_ms,
            left=venue.capacity,
        )
