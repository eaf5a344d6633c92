"""All boards there are, in the order in which they are shown. A new one is declared here and nowhere else."""

from ranking_app.rankings.boards.board import BoardKind
from ranking_app.rankings.boards.cancellations import CANCELLATIONS
from ranking_app.rankings.boards.hot import HOT
from ranking_app.rankings.boards.nearly_sold_out import NEARLY_SOLD_OUT
from ranking_app.rankings.boards.sales import SALES
from ranking_app.rankings.boards.sell_out import SELL_OUT
from ranking_app.rankings.boards.trending import TRENDING

KINDS: dict[str, BoardKind] = {
    kind.name: kind for kind in (SALES, SELL_OUT, HOT, TRENDING, NEARLY_SOLD_OUT, CANCELLATIONS)
}
