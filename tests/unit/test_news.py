"""What there is to notify."""

from ranking_app.rankings.news import MilestoneReached, Reopened, SoldOut, news
from tests.property.events import listing
from tests.unit.test_curve import T, curve_of


def test_milestones_below_100_percent_sold_out_and_reopened_come_in_time_order():
    curve = curve_of((10, 30, 0, 0), (20, 60, 0, 0), (30, 12, 0, 0), (40, 0, 4, 0), (50, 3, 0, 0))
    assert news(curve, listing(100, T * 1000), T + 60) == [
        MilestoneReached(T + 10, 10, 30, 100),
        MilestoneReached(T + 10, 25, 30, 100),
        MilestoneReached(T + 20, 50, 90, 100),
        MilestoneReached(T + 20, 80, 90, 100),
        MilestoneReached(T + 20, 90, 90, 100),
        MilestoneReached(T + 30, 95, 102, 100),
        SoldOut(T + 30, 1, 102, 100, sell_out_seconds=30),
        Reopened(T + 40, 1, 98, 100),
        SoldOut(T + 50, 2, 101, 100, sell_out_seconds=50),
    ]


def test_only_what_happened_before_the_as_of_is_news():
    curve = curve_of((10, 5, 0, 0), (20, 0, 1, 0))
    assert news(curve, listing(5), T + 10) == []
    assert [type(item) for item in news(curve, listing(5), T + 20)][-1] is SoldOut
    assert [type(item) for item in news(curve, listing(5), T + 21)][-1] is Reopened


def test_a_milestone_is_news_once_although_its_share_is_lost_and_won_again():
    curve = curve_of((10, 5, 0, 0), (20, 0, 5, 0), (30, 5, 0, 0))
    assert news(curve, listing(10), T + 60) == [MilestoneReached(T + 10, percent, 5, 10) for percent in (10, 25, 50)]


def test_a_schedule_without_a_catalogue_record_has_no_news():
    assert news(curve_of((10, 5, 0, 0)), None, T + 60) == []
