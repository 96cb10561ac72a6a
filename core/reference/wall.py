"""Make the sheet of Fashion-MNIST pictures that ships: `python -m core.reference.wall`.

Fashion-MNIST is by Zalando SE under the MIT licence, which is next to the sheet.
"""

from core import picture
from core.data import FASHION, load_test
from core.evaluation.answers import of_each_class
from core.figures.wall import COLUMNS
from core.panels import IMAGES
from core.store.runs import WALL


def sheet() -> bytes:
    """The PNG file, from the data set.

    Raises:
        DataError: the data set is missing or damaged.
    """
    test = load_test(FASHION.id)
    return picture.sheet(test.images[of_each_class(test.labels, IMAGES)], COLUMNS)


if __name__ == "__main__":
    WALL.write_bytes(sheet())
    print(f"{WALL.name}: {WALL.stat().st_size:,} bytes")
