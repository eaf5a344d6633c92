// Every text of the pages, English and Korean side by side: a text without its translation cannot be written.

const TEXTS = {
  // the page
  title: ["Live rankings", "실시간 랭킹"],
  opsTitle: ["Workers and partitions", "워커와 파티션"],
  skip: ["Skip to the board", "순위표로 건너뛰기"],
  boards: ["Boards", "순위표"],
  theme: ["Dark colours", "어두운 화면"],
  otherLanguage: ["한국어", "English"],
  more: ["More", "더 보기"],
  api: ["API description", "API 설명"],
  ops: ["Operations", "운영 현황"],
  backToBoard: ["Live board", "순위표"],

  // boards
  "board.sales": ["Best sellers", "판매 순위"],
  "board.sell-out": ["Fastest sell-outs", "최단 매진"],
  "board.hot": ["Hot now", "지금 인기"],
  "board.trending": ["Trending", "급상승"],
  "board.nearly-sold-out": ["Nearly sold out", "매진 임박"],
  "board.cancellations": ["Cancellations", "취소"],
  "score.sales": ["Tickets", "매수"],
  "score.sales.amount": ["Amount", "금액"],
  "score.sell-out": ["Sold out in", "매진까지"],
  "score.hot": ["Points", "점수"],
  "score.trending": ["Growth", "증가율"],
  "score.nearly-sold-out": ["Time left", "남은 시간"],
  "score.cancellations": ["Cancelled", "취소 매수"],
  "score.cancellations.rate": ["Cancelled", "취소율"],
  "choice.quantity": ["Tickets", "매수"],
  "choice.amount": ["Amount", "금액"],
  "choice.soldOut": ["Still sold out", "현재 매진"],
  "choice.any": ["Reopened too", "재오픈 포함"],
  "choice.count": ["Number", "매수"],
  "choice.rate": ["Rate", "비율"],
  how: ["How is this ranked?", "순위 산정 방식"],
  window: ["Window", "기간"],
  allTime: ["All time", "전체"],
  rank: ["Rank", "순위"],
  show: ["Show", "공연"],
  lastHour: ["Last hour", "최근 1시간"],
  seats: ["Seats", "좌석"],
  shows: ["{n} shows", "공연 {n}개"],
  asOf: ["as of {time}", "{time} 기준"],
  empty: ["Nothing here yet.", "아직 없습니다."],
  emptyFiltered: ["No show matches these filters.", "조건에 맞는 공연이 없습니다."],
  loading: ["Loading …", "불러오는 중 …"],
  showMore: ["Show more", "더 보기"],

  // rows
  seatsLeft: ["{n} left", "{n}석 남음"],
  oversold: ["{n} oversold", "{n}석 초과"],
  sold: ["{n} sold", "{n}매 판매"],
  soldOut: ["Sold out", "매진"],
  soldOutAt: ["Sold out {time}", "{time} 매진"],
  reopened: ["Seats are back: {n}", "취소표 {n}석"],
  soldOf: ["{sold} of {capacity} sold", "{capacity}석 중 {sold}석 판매"],
  "move.up": ["up {n}", "{n}계단 상승"],
  "move.down": ["down {n}", "{n}계단 하락"],
  "move.new": ["new", "신규"],
  "move.reentry": ["back", "재진입"],
  salesLastHour: ["Sales in the last hour: {n}", "최근 1시간 판매: {n}매"],

  // filters and search
  filters: ["Filters", "필터"],
  clear: ["Clear", "초기화"],
  any: ["All", "전체"],
  genre: ["Genre", "장르"],
  region: ["Region", "지역"],
  venue: ["Venue", "공연장"],
  capacityClass: ["Size", "규모"],
  showFrom: ["Shows from", "공연일 시작"],
  showTo: ["Shows before", "공연일 끝(미포함)"],
  "class.club": ["Club (under 1,000)", "클럽 (1,000석 미만)"],
  "class.theatre": ["Theatre (under 3,000)", "극장 (3,000석 미만)"],
  "class.hall": ["Hall (under 10,000)", "홀 (10,000석 미만)"],
  "class.arena": ["Arena (under 30,000)", "아레나 (30,000석 미만)"],
  "class.stadium": ["Stadium", "스타디움"],
  "class.unknown": ["Unknown", "알 수 없음"],
  search: ["Search shows", "공연 검색"],
  noResults: ["No show found", "검색 결과 없음"],
  results: ["{n} found", "{n}건"],

  // time
  timeline: ["Moment shown, up to 24 hours back", "표시 시점 (최대 24시간 전)"],
  backToLive: ["Follow live", "실시간 보기"],
  now: ["Now", "현재"],
  agoHours: ["24 h ago", "24시간 전"],
  ago: ["{time} ago", "{time} 전"],

  // the light
  "light.loading": ["Connecting", "연결 중"],
  "light.live": ["Live", "실시간"],
  "light.stale": ["Stale", "지연"],
  "light.offline": ["Offline", "오프라인"],
  "light.past": ["Looking back", "과거 시점"],
  "why.incomplete": ["some partitions are not followed just now", "일부 파티션이 아직 반영되지 않음"],
  "why.old": ["no news for {time}", "{time} 동안 소식 없음"],
  "why.refused": ["the server answers {status}", "서버 응답 {status}"],
  "why.unreachable": ["the server cannot be reached", "서버에 연결할 수 없음"],
  "why.since": ["last heard {time}", "마지막 수신 {time}"],

  // news for screen readers
  "news.leader": ["{title} leads {board}, {score}.", "{board} 1위 {title}, {score}."],
  "news.moved": ["Up: {titles}.", "상승: {titles}."],
  "news.soldOut": ["Sold out: {titles}.", "매진: {titles}."],
  "news.place": ["{title} to place {n}", "{title} {n}위"],

  // the drawer
  close: ["Close", "닫기"],
  notFound: ["This show is not known.", "알 수 없는 공연입니다."],
  failed: ["This could not be loaded. It is tried again.", "불러오지 못했습니다. 다시 시도합니다."],
  ticketsSold: ["Tickets sold", "판매 매수"],
  seatsFree: ["Seats left", "남은 좌석"],
  cancelled: ["Cancelled", "취소"],
  amount: ["Amount", "금액"],
  curve: ["Sales curve", "판매 추이"],
  curveSummary: ["From {from} to {to}: {sold} sold.", "{from}부터 {to}까지 {sold}매 판매."],
  capacity: ["capacity {n}", "정원 {n}석"],
  milestones: ["Milestones", "판매율 달성"],
  notReached: ["not yet", "미달성"],
  ranks: ["Ranks", "순위"],
  "rank.1h": ["1 hour", "1시간"],
  "rank.24h": ["24 hours", "24시간"],
  "rank.all": ["All time", "전체"],
  "rank.sellOut": ["Sell-out", "매진 순위"],
  bestRank: ["Best on this board", "이 순위표 최고"],
  atTop: ["Time at number one", "1위 유지 시간"],
  place: ["{n}", "{n}위"],
  forecast: ["Expected to sell out", "예상 매진 시각"],
  forecastRange: ["between {from} and {to}, {percent} likely", "{from} – {to}, 확률 {percent}"],
  noForecast: ["No forecast", "예측 없음"],
  saleOpens: ["Sale opens", "판매 시작"],
  soldOutIn: ["Sold out in", "매진까지"],

  // operations
  workers: ["Workers", "워커"],
  worker: ["Worker", "워커"],
  partitions: ["Partitions", "파티션"],
  topic: ["Topic", "토픽"],
  partition: ["Partition", "파티션"],
  offset: ["Next offset", "다음 오프셋"],
  lag: ["Lag", "지연 건수"],
  watermark: ["Watermark", "워터마크"],
  throughput: ["Events/s", "초당 이벤트"],
  perSecond: ["{n} events/s", "초당 {n}건"],
  counted: ["Counted", "집계"],
  late: ["Late", "늦은 이벤트"],
  duplicates: ["Duplicates", "중복"],
  deadLetters: ["Dead letters", "데드 레터"],
  takeovers: ["Takeovers", "인계"],
  nobody: ["nobody", "없음"],
  self: ["this one answers", "현재 응답 중"],
  version: ["Version {version}, up since {time}", "버전 {version}, {time}부터 실행"],
};

export const LANGUAGES = ["en", "ko"];

/** The language to begin with, where the address names none: the browser's, or English. */
export function preferredLanguage() {
  const known = navigator.languages.map((tag) => tag.slice(0, 2)).find((tag) => LANGUAGES.includes(tag));
  return known ?? "en";
}

/** A function from the name of a text, and what stands for its {gaps}, to the text. */
export function textsIn(language) {
  const column = LANGUAGES.indexOf(language);
  return (name, gaps = {}) => TEXTS[name][column].replace(/\{(\w+)\}/g, (_, gap) => String(gaps[gap]));
}

/** A text that may not be there: of a board or a choice that this page does not know by name. */
export function textOr(t, name, otherwise) {
  return name in TEXTS ? t(name) : otherwise;
}
