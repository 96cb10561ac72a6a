"""A visitor's picture becomes what the network sees; whatever else is uploaded gives a sentence, at no cost."""

import io
import json
import os
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from core import data, picture
from core.errors import DataError, PictureError, PruneLabError
from core.picture import MOST_BYTES, MOST_PIXELS, MOST_SIDE, Picture
from core.picture.exif import orientation
from core.picture.headers import READERS, File

Pixels = NDArray[np.uint8]

DAMAGED = "file is damaged, incomplete or of an unusual kind"
TOO_LARGE = "choose one of at most 10,000 along a side and 16 million in all"
NOTHING = "There is nothing on this picture: all pixels are alike, or nearly so"


def boot() -> Pixels:
    """(28, 28): light on black, 28 high and 17 wide, unlike any of its mirror images."""
    image = np.zeros((28, 28), np.uint8)
    image[:, 6:13] = np.linspace(90, 255, 28)[:, None]
    image[20:, 6:23] = np.linspace(255, 120, 17)
    return image


def large(image: Pixels, times: int = 10, margin: int = 0) -> Pixels:
    return np.pad(np.kron(image, np.ones((times, times), np.uint8)), margin)


def saved(pixels: NDArray[Any] | Image.Image, name: str = "PNG", **options: Any) -> bytes:
    image = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
    file = io.BytesIO()
    image.save(file, name, **options)
    return file.getvalue()


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def header(width: int, height: int, depth: int = 8, colour: int = 0) -> bytes:
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0))


def by_hand(start: bytes, unpacked: bytes, *others: bytes) -> bytes:
    """A PNG of a header, further chunks, and scan lines."""
    return start + b"".join(others) + chunk(b"IDAT", zlib.compress(unpacked)) + chunk(b"IEND", b"")


def segment(marker: int, content: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(content) + 2) + content


def distance(one: Pixels, other: Pixels) -> float:
    """Mean absolute difference in grey levels."""
    return float(np.abs(one.astype(int) - other).mean())


def refused(content: bytes) -> str:
    with pytest.raises(PictureError) as caught:
        picture.read(content)
    return str(caught.value)


# What is read.


def test_a_fashion_mnist_picture_comes_back_and_so_does_its_negative() -> None:
    image = boot()
    assert distance(picture.read(saved(image)).image, image) < 3
    np.testing.assert_array_equal(picture.read(saved(255 - image)).image, picture.read(saved(image)).image)


def test_the_real_pictures_come_back() -> None:
    try:
        images = data.load(data.FASHION.id).test.images[:300]
    except DataError as error:
        pytest.skip(str(error))
    seen = [picture.read(picture.png(image)).image for image in images]
    distances = [distance(one, other) for one, other in zip(seen, images, strict=True)]
    assert np.median(distances) < 2
    assert np.mean(distances) < 6


@pytest.mark.parametrize("name", ["PNG", "JPEG", "WebP"])
@pytest.mark.parametrize("negative", [False, True], ids=["light on dark", "dark on light"])
def test_a_photo_of_the_object_anywhere_at_any_size_gives_the_same(name: str, negative: bool) -> None:
    photo = np.pad(large(boot(), 20), ((300, 100), (50, 400)))
    colour = np.stack([photo] * 3, axis=2)
    seen = picture.read(saved(255 - colour if negative else colour, name))
    assert distance(seen.image, boot()) < 5
    assert seen.notes == ()


def test_every_step_is_shown() -> None:
    seen = picture.read(saved(np.stack([255 - large(boot(), 20, margin=100)] * 3, axis=2)))
    assert [step.title for step in seen.steps] == [
        "As uploaded",
        "Grey",
        "Inverted",
        "Cropped",
        "28 × 28, as the network sees it",
    ]
    assert seen.steps[0].note == "760 × 760 pixels, reduced to 280 × 280."
    assert [step.pixels.shape for step in seen.steps[:3]] == [(280, 280, 3), (280, 280), (280, 280)]
    assert seen.steps[3].pixels.shape == (207, 126)
    assert seen.steps[3].note == "Everything that stands out from the background fits in 126 × 207 pixels."
    assert seen.steps[4].pixels is seen.image
    assert seen.image.shape == (28, 28)
    assert {step.pixels.dtype for step in seen.steps} == {np.dtype(np.uint8)}
    assert all(step.note.endswith(".") for step in seen.steps)


def test_a_dark_ground_is_not_inverted() -> None:
    seen = picture.read(saved(boot()))
    assert seen.steps[0].note == "28 × 28 pixels."
    assert seen.steps[2].title == "Not inverted"
    assert "ground is dark" in seen.steps[2].note


@pytest.mark.parametrize(("ground", "top"), [(40, 90), (200, 120), (120, 60), (100, 160)])
def test_the_ground_becomes_0_and_the_other_end_255(ground: int, top: int) -> None:
    """A grey ground counts as bright where the object is darker."""
    light = large(boot(), 10, margin=40).astype(float) / 255
    seen = picture.read(saved((ground + light * (top - ground)).round().astype(np.uint8)))
    assert seen.steps[2].title == ("Inverted" if top < ground else "Not inverted")
    assert seen.steps[2].pixels[0, 0] == 0
    assert seen.steps[2].pixels.max() == 255
    assert distance(seen.image, boot()) < 5


@pytest.mark.parametrize("times", [1, 10], ids=["28 pixels", "280 pixels"])
def test_noise_widens_no_box(times: int) -> None:
    image = np.zeros((28 * times, 28 * times), np.uint8)
    image[8 * times : 20 * times, 10 * times : 18 * times] = 200
    clean = picture.read(saved(image))
    image[3::9, 3::11] = np.where(image[3::9, 3::11] == 0, 90, 200)  # lone pixels, everywhere
    noisy = picture.read(saved(image))
    assert clean.steps[3].pixels.shape == noisy.steps[3].pixels.shape == (12 * times, 8 * times)


def test_a_few_hot_pixels_do_not_darken_the_object() -> None:
    image = np.zeros((280, 280), np.uint8)
    image[80:200, 100:180] = 100
    image[10:20:5, 10:200:10] = 255
    assert np.median(picture.read(saved(image)).steps[3].pixels) == 255


@pytest.mark.parametrize("lit", ["from the side", "in the middle"])
def test_uneven_light_is_not_taken_for_the_object(lit: str) -> None:
    y, x = np.mgrid[-1:1:420j, -1:1:560j]
    light = 225 + 25 * x if lit == "from the side" else 225 - 25 * (x**2 + y**2)
    photo = light - 0.7 * np.pad(large(boot()), ((60, 80), (130, 150)))
    seen = picture.read(saved(photo.clip(0, 255).astype(np.uint8), "JPEG"))
    assert abs(seen.steps[3].pixels.shape[0] - 140) <= 5
    assert distance(seen.image, boot()) < 12


def test_a_small_object_on_a_large_picture_is_found() -> None:
    image = np.pad(large(boot()), ((700, 1000), (1200, 500)))
    assert picture.read(saved(image)).steps[3].pixels.shape == (40, 25)


@pytest.mark.parametrize(
    ("height", "width", "top", "left"), [(28, 17, 0, 6), (17, 28, 6, 0), (28, 8, 0, 10), (9, 28, 10, 0), (28, 28, 0, 0)]
)
def test_the_object_is_centred_as_in_fashion_mnist(height: int, width: int, top: int, left: int) -> None:
    """Where the margin is odd, the larger half is at the left or on top."""
    seen = picture.read(saved(np.pad(np.full((10 * height, 10 * width), 255, np.uint8), 7))).image
    expected = np.zeros((28, 28), np.bool_)
    expected[top : top + height, left : left + width] = True
    np.testing.assert_array_equal(seen > 200, expected)
    assert not seen[~expected].any()


@pytest.mark.parametrize("shape", [(1, 10_000), (10_000, 1), (3, 9_000), (2_000, 8_000)])
def test_extreme_shapes_are_read(shape: tuple[int, int]) -> None:
    image = np.zeros(shape, np.uint8)
    image[:, shape[1] * 2 // 5 : shape[1] * 3 // 5 + 1] = 255
    image[: shape[0] // 4] = image[shape[0] * 3 // 4 + 1 :] = 0
    seen = picture.read(saved(image))
    assert seen.image.max() > 200
    assert all(max(step.pixels.shape) <= 280 for step in seen.steps)
    assert max(picture.read(saved(image, "JPEG")).steps[0].pixels.shape) == 280


def test_the_largest_file_is_read() -> None:
    content = saved(boot())
    assert picture.read(content + bytes(MOST_BYTES - len(content))).image.any()


def test_the_largest_picture_is_read() -> None:
    image = Image.new("1", (MOST_SIDE, MOST_PIXELS // MOST_SIDE))
    image.paste(1, (3_000, 500, 6_000, 1_000))
    assert picture.read(saved(image)).steps[0].note == "10,000 × 1,600 pixels, reduced to 280 × 45."


# Kinds of files.


def kinds() -> dict[str, tuple[bytes, tuple[str, ...]]]:
    """The boot, dark on white, in files of every kind, with what is said of each."""
    grey = 255 - large(boot(), margin=40)
    rgb = Image.fromarray(np.stack([grey] * 3, axis=2))
    plain, other = Image.fromarray(grey), Image.new("RGB", rgb.size, "white")
    alpha = Image.fromarray(255 - grey)
    black = Image.new("RGB", rgb.size)
    palette = plain.convert("P", palette=Image.Palette.ADAPTIVE)
    clear, deep = "Transparent pixels count as white.", grey.astype(np.uint16) * 257
    lines = b"".join(b"\0" + np.repeat(line, 3).astype(">u2").tobytes() for line in deep)
    white_clear = np.where(grey == 255, 7, grey)  # 7 stands for clear
    frames = "Only the first of its 3 frames is used."
    return {
        "grey PNG": (saved(plain), ()),
        "colour PNG": (saved(rgb), ()),
        "progressive JPEG": (saved(rgb, "JPEG", progressive=True), ()),
        "grey JPEG": (saved(plain, "JPEG"), ()),
        "lossless WebP": (saved(rgb, "WebP", lossless=True), ()),
        "opaque RGBA": (saved(rgb.convert("RGBA")), ()),
        "CMYK": (saved(rgb.convert("CMYK"), "JPEG"), ("Its CMYK colours were converted.",)),
        "16-bit grey": (saved(deep), ("Its 16-bit greys were reduced to 8.",)),
        "16-bit colour": (
            by_hand(header(*rgb.size, 16, 2), lines, chunk(b"tRNS", b"\1\0" * 3)),
            ("Its 16-bit colours were reduced to 8.",),
        ),
        "animated WebP": (saved(rgb, "WebP", save_all=True, append_images=[other, black], lossless=True), (frames,)),
        "animated PNG": (saved(rgb, "PNG", save_all=True, append_images=[other, black]), (frames,)),
        "palette": (saved(palette), ("Its palette's colours were looked up.",)),
        "palette, one clear": (
            saved(Image.fromarray(white_clear).convert("P"), transparency=7),
            ("Its palette's colours were looked up.", clear),
        ),
        "palette, some clear": (
            saved(Image.fromarray(grey // 255).convert("P"), transparency=bytes([255, 0])),
            ("Its palette's colours were looked up.", clear),
        ),
        "grey, one clear": (saved(Image.fromarray(white_clear), transparency=7), (clear,)),
        "colour, one clear": (saved(Image.fromarray(white_clear).convert("RGB"), transparency=(7, 7, 7)), (clear,)),
        "LA": (saved(Image.merge("LA", [Image.new("L", rgb.size), alpha])), (clear,)),
        "RGBA": (saved(Image.merge("RGBA", [*black.split(), alpha])), (clear,)),
        "RGBA WebP": (saved(Image.merge("RGBA", [*black.split(), alpha]), "WebP", lossless=True), (clear,)),
        "1 bit": (saved(plain.point(lambda v: 255 * (v == 255)).convert("1")), (ONE_BIT,)),
    }


ONE_BIT = "Its pixels are black or white, with nothing between."
KINDS = kinds()
FLAT = {"1 bit", "palette, some clear"}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_file_gives_the_same_and_says_what_was_done(kind: str) -> None:
    content, notes = KINDS[kind]
    seen = picture.read(content)
    expected = np.where(boot(), 255, 0).astype(np.uint8) if kind in FLAT else boot()
    assert seen.notes == notes
    assert seen.steps[2].title == "Inverted"
    assert distance(seen.image, expected) < 5


def test_16_bits_are_reduced_and_not_clipped() -> None:
    ramp = np.linspace(0, 65_535, 280).round().astype(np.uint16)
    seen = picture.read(saved(np.tile(ramp, (100, 1))))
    np.testing.assert_array_equal(seen.steps[1].pixels[0], ramp >> 8)


@pytest.mark.parametrize("mode", ["1", "P"])
def test_dots_are_averaged(mode: str) -> None:
    image = np.zeros((1_500, 1_000), np.uint8)
    image[200:1_300:2, 200:800:2] = image[201:1_300:2, 201:800:2] = 255
    seen = picture.read(saved(Image.fromarray(image).convert(mode)))
    inside = seen.steps[1].pixels[60:220, 60:130]
    assert 120 <= inside.min() <= inside.max() <= 135


STORED: dict[int, Callable[[Pixels], Pixels]] = {
    1: lambda upright: upright,
    2: np.fliplr,
    3: lambda upright: np.rot90(upright, 2),
    4: np.flipud,
    5: np.transpose,
    6: lambda upright: np.rot90(upright),
    7: lambda upright: np.rot90(upright, 2).T,
    8: lambda upright: np.rot90(upright, -1),
}
"""How a camera stores an upright picture with each of EXIF's orientations."""


def exif(orientation: int) -> Image.Exif:
    tags = Image.Exif()
    tags[0x010F] = "Maker of cameras"
    tags[0x0112] = orientation
    return tags


@pytest.mark.parametrize("orientation", STORED)
@pytest.mark.parametrize(("name", "options"), [("PNG", {}), ("WebP", {"lossless": True}), ("JPEG", {"quality": 95})])
def test_a_turned_picture_is_turned_upright(orientation: int, name: str, options: dict[str, Any]) -> None:
    upright = np.pad(large(boot(), 2), ((9, 20), (30, 50)))
    expected = picture.read(saved(upright, name, **options))
    seen = picture.read(
        saved(np.ascontiguousarray(STORED[orientation](upright)), name, exif=exif(orientation), **options)
    )
    assert distance(seen.image, expected.image) <= (1 if name == "JPEG" else 0)
    assert seen.steps[0].note == expected.steps[0].note == "136 × 85 pixels."
    assert seen.notes == (("Turned upright, as its EXIF data say.",) if orientation > 1 else ())


def big_endian(orientation: int, entries: int = 1, at: int = 8) -> bytes:
    entry = struct.pack(">HHIHH", 0x0112, 3, 1, orientation, 0)
    return b"MM\0*" + struct.pack(">IH", at, entries) + entry + bytes(4)


@pytest.mark.parametrize(
    ("tags", "turned"),
    [
        (big_endian(6), True),
        (big_endian(9), False),
        (big_endian(0), False),
        (big_endian(6, entries=0), False),
        (big_endian(6, at=2**32 - 1), False),
        (big_endian(6)[:15], False),
        (big_endian(1, entries=65_535), False),
        (b"", False),
        (b"nothing of the kind", False),
        (b"Exif\0\0" + big_endian(6), True),
    ],
    ids=["good", "9", "0", "no entries", "outside", "truncated", "entries missing", "empty", "text", "a second prefix"],
)
def test_damaged_exif_data_are_passed_over(tags: bytes, turned: bool) -> None:
    tall = boot()[:, 5:25]
    plain, jpeg = saved(tall), saved(tall, "JPEG")
    for content in (
        plain[:33] + chunk(b"eXIf", tags) + plain[33:],
        jpeg[:2] + segment(0xE1, b"Exif\0\0" + tags) + jpeg[2:],
        saved(tall, "WebP", exif=tags or b"\0"),
    ):
        seen = picture.read(content)
        assert seen.notes == (("Turned upright, as its EXIF data say.",) if turned else ())
        assert seen.steps[0].note == ("28 × 20 pixels." if turned else "20 × 28 pixels.")


FORMS = {1: "B", 3: "H", 4: "I", 5: "II", 6: "b", 7: "B", 8: "h", 9: "i", 10: "ii", 11: "f", 12: "d", 13: "I"}
"""TIFF's types of numbers, as `struct` writes them; a rational is two."""


def tags_of(orientation: int, kind: int, order: str, n: int = 1) -> bytes:
    """EXIF data whose only tag is the orientation, of a type, n times over; in the entry where it fits, else behind."""
    numbers = (-3 * orientation, -3) if kind == 10 else (3 * orientation, 3) if kind == 5 else (orientation,)
    value = struct.pack(order + FORMS[kind], *numbers) * n
    behind = 8 + 2 + 12 + 4
    inline, rest = (value.ljust(4, b"\0"), b"") if len(value) <= 4 else (struct.pack(order + "I", behind), value)
    entry = struct.pack(order + "HHI", 0x0112, kind, n) + inline
    mark = b"MM\0*" if order == ">" else b"II*\0"
    return mark + struct.pack(order + "IH", 8, 1) + entry + bytes(4) + rest


@pytest.mark.parametrize("kind", FORMS)
@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("n", [1, 3])
def test_an_orientation_is_read_whatever_its_type_and_byte_order(kind: int, order: str, n: int) -> None:
    for value in range(10):
        assert orientation(tags_of(value, kind, order, n)) == (value if 2 <= value <= 8 else 1)


@pytest.mark.parametrize("order", "<>")
def test_a_long_orientation_turns_a_picture_of_each_format(order: str) -> None:
    tags, tall = tags_of(6, 4, order), boot()[:, 5:25]
    png, jpeg = saved(tall), saved(tall, "JPEG")
    for content in (
        png[:33] + chunk(b"eXIf", tags) + png[33:],
        jpeg[:2] + segment(0xE1, b"Exif\0\0" + tags) + jpeg[2:],
        saved(tall, "WebP", exif=tags),
        saved(tall, "WebP", exif=b"Exif\0\0" + tags, lossless=True),
    ):
        assert picture.read(content).steps[0].note == "28 × 20 pixels."


@pytest.mark.parametrize(
    ("kind", "value"), [(5, b"\0\0\0\6\0\0\0\0"), (2, b"6\0"), (99, b"\0\0\0\6"), (11, b"\x7f\xc0\0\0")]
)
def test_a_value_that_is_no_number_is_no_orientation(kind: int, value: bytes) -> None:
    inline, rest = (value.ljust(4, b"\0"), b"") if len(value) <= 4 else (struct.pack(">I", 26), value)
    entry = struct.pack(">HHI", 0x0112, kind, 1) + inline
    assert orientation(b"MM\0*" + struct.pack(">IH", 8, 1) + entry + bytes(4) + rest) == 1


def test_a_jpeg_with_fill_bytes_a_thumbnail_and_a_second_picture_is_read() -> None:
    jpeg, other = saved(large(boot()), "JPEG"), saved(255 - large(boot()), "JPEG")
    content = jpeg[:2] + b"\xff\xff" + segment(0xE2, other) + b"junk" + jpeg[2:] + other + b"\xff\xda" * 99
    np.testing.assert_array_equal(picture.read(content).image, picture.read(jpeg).image)


# What is refused.


def test_the_error_is_one_that_visitors_are_shown() -> None:
    assert issubclass(PictureError, PruneLabError)


def test_an_empty_file_is_refused() -> None:
    assert refused(b"") == "This file is empty; choose a PNG, JPEG or WebP picture."


def test_too_large_a_file_is_refused() -> None:
    content = saved(boot())
    assert refused(content + bytes(MOST_BYTES + 1 - len(content))) == (
        "This file has 10.0 MB; choose a picture of at most 10 MB."
    )


@pytest.mark.parametrize(
    "content",
    [
        b"<!doctype html><title>no.png</title>",
        b"just text",
        "<p>This begins with FF FE.</p>".encode("utf-16"),
        b"\0",
        b'<svg xmlns="http://www.w3.org/2000/svg"/>',
        b"%PDF-1.7",
        b"\x89PNG",
        b"RIFF\0\0\0\0WAVEfmt ",
        *(saved(boot(), name) for name in ("GIF", "BMP", "TIFF", "ICO", "PPM", "AVIF")),
    ],
    ids=[
        "HTML",
        "text",
        "UTF-16",
        "a byte",
        "SVG",
        "PDF",
        "4 bytes",
        "WAV",
        "GIF",
        "BMP",
        "TIFF",
        "ICO",
        "PPM",
        "AVIF",
    ],
)
def test_other_formats_are_refused_and_the_three_are_named(content: bytes) -> None:
    assert refused(content) == (
        "This file is not a PNG, JPEG or WebP picture, whatever its name; choose one of these three formats."
    )


@pytest.mark.parametrize(("name", "start"), [("PNG", 8), ("JPEG", 3), ("WebP", 12)])
def test_a_truncated_file_is_refused_wherever_it_ends(name: str, start: int) -> None:
    content = saved(boot(), name)
    for end in range(start, len(content)):
        assert f"This {name} {DAMAGED}" in refused(content[:end]), end


def test_a_wrong_checksum_or_a_wrong_byte_is_refused_in_all_that_makes_up_a_png() -> None:
    content = saved(Image.fromarray(boot()).convert("P"))
    for at in range(8, len(content)):
        damaged = content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :]
        assert DAMAGED in refused(damaged), at


@pytest.mark.parametrize(
    "content",
    [
        header(28, 28) + chunk(b"IDAT", b"not zlib") + chunk(b"IEND", b""),
        by_hand(header(28, 28), bytes(100)),
        by_hand(header(28, 28, colour=5), bytes(29 * 28)),
        by_hand(header(28, 28, depth=7), bytes(29 * 28)),
        by_hand(header(0, 28), b""),
        header(28, 28) + chunk(b"IEND", b""),
        header(28, 28)[:8] + chunk(b"IEND", b""),
        header(28, 28)[:8] + chunk(b"IHDR", b"short") + chunk(b"IEND", b""),
        b"\xff\xd8\xff\xd9",
        b"\xff\xd8" + segment(0xDA, bytes(10)) + b"\xff\xd9",
        saved(boot(), "JPEG").replace(b"\xff\xdb", b"\xff\xfe"),
        saved(boot(), "JPEG").replace(b"\xff\xc0", b"\xff\xc3"),
        saved(boot(), "JPEG").replace(b"\xff\xc0\x00\x0b\x08", b"\xff\xc0\x00\x0b\x0c"),
        saved(boot(), "JPEG").replace(b"\xff\xc0", segment(0xC0, bytes([8, 0, 8, 0, 8, 1, 1, 17, 0])) + b"\xff\xc0"),
        b"RIFF\x0c\0\0\0WEBPVP8L",
        b"RIFF\x0c\0\0\0WEBPJUNK" + bytes(40),
        saved(boot(), "WebP", lossless=True)[:30] + bytes(200),
    ],
    ids=[
        "no zlib",
        "few lines",
        "colour type",
        "bit depth",
        "no width",
        "no data",
        "no header",
        "short header",
        "no scan",
        "no frame",
        "no tables",
        "lossless JPEG",
        "12 bits",
        "two frames",
        "no canvas",
        "no layout",
        "no pixels",
    ],
)
def test_damage_is_refused(content: bytes) -> None:
    assert DAMAGED in refused(content)


def test_a_header_that_pillow_reads_otherwise_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Or the limits would have been checked in vain."""
    monkeypatch.setitem(READERS, "PNG", lambda content: File("PNG", content, (28, 27)))
    assert DAMAGED in refused(saved(boot()))


def test_an_error_holds_no_pixels() -> None:
    with pytest.raises(PictureError) as caught:
        picture.read(by_hand(header(28, 28), bytes(100)))
    assert caught.value.__cause__ is caught.value.__context__ is None


def canvas(layout: bytes, width: int, height: int) -> bytes:
    """A WebP that claims a size; its pixels are those of 28 x 28."""
    content = bytearray(saved(boot(), "WebP", lossless=layout == b"VP8L"))
    if layout == b"VP8X":
        content = bytearray(saved(boot(), "WebP", exif=b"\0"))
        content[24:30] = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    elif layout == b"VP8L":
        content[21:25] = (width - 1 | height - 1 << 14).to_bytes(4, "little")
    else:
        content[26:30] = struct.pack("<HH", width, height)
    assert content[12:16] == layout
    return bytes(content)


def jpeg_of(width: int, height: int, **options: Any) -> bytes:
    """A JPEG that claims a size; its scans are those of 28 x 28."""
    claimed = struct.pack(">HH", height, width)
    return saved(boot(), "JPEG", **options).replace(b"\x08\x00\x1c\x00\x1c", b"\x08" + claimed)


def claims() -> dict[str, tuple[bytes, int, int]]:
    made: dict[str, tuple[Callable[[int, int], bytes], list[tuple[int, int]]]] = {
        "PNG": (
            lambda w, h: by_hand(header(w, h), b""),
            [(50_000, 50_000), (10_001, 1), (1, 10_001), (4_000, 4_001), (2**31 - 1, 2**31 - 1)],
        ),
        "JPEG": (jpeg_of, [(65_500, 65_500), (10_001, 1), (4_000, 4_001)]),
        "WebP, lossy": (lambda w, h: canvas(b"VP8 ", w, h), [(16_383, 16_383), (10_001, 1), (4_000, 4_001)]),
        "WebP, lossless": (lambda w, h: canvas(b"VP8L", w, h), [(16_384, 16_384), (10_001, 1), (4_000, 4_001)]),
        "WebP, extended": (lambda w, h: canvas(b"VP8X", w, h), [(2**24, 255), (13_000, 13_000), (4_000, 4_001)]),
    }
    return {f"{name} {w} x {h}": (of(w, h), w, h) for name, (of, sizes) in made.items() for w, h in sizes}


CLAIMS = claims()


@pytest.mark.parametrize("name", CLAIMS)
def test_too_large_a_picture_is_refused_by_its_header(name: str) -> None:
    content, width, height = CLAIMS[name]
    assert refused(content) == f"This picture has {width:,} × {height:,} pixels; {TOO_LARGE}."


@pytest.mark.parametrize(
    "image",
    [
        Image.new("L", (100, 80), 0),
        Image.new("L", (100, 80), 131),
        Image.new("RGB", (1, 1), "red"),
        Image.new("RGBA", (50, 50)),
        Image.new("CMYK", (50, 50)),
        Image.fromarray(np.random.default_rng(0).integers(200, 208, (300, 300), np.uint8)),
        Image.fromarray(np.full((280, 280), 250, np.uint8) - (np.arange(280) % 6).astype(np.uint8)),
    ],
    ids=["black", "grey", "one pixel", "transparent", "CMYK", "noise", "stripes"],
)
def test_a_picture_of_nothing_is_refused(image: Image.Image) -> None:
    assert NOTHING in refused(saved(image, "JPEG" if image.mode == "CMYK" else "PNG"))


def test_a_picture_of_lone_pixels_is_refused() -> None:
    image = np.zeros((100, 100), np.uint8)
    image[5::10, 5::10] = 255
    assert NOTHING in refused(saved(image))


# What it costs.

MEASURE = """
import io, json, sys, threading, time
from pathlib import Path
from PIL import Image
from core import picture
from core.errors import PictureError

def peak():
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024

def read(content):
    try:
        return list(picture.read(content).notes)
    except PictureError as error:
        return str(error)

warm = io.BytesIO()
Image.linear_gradient("L").save(warm, "WebP")
assert read(warm.getvalue()) == []
results = {}
for path in sys.argv[2:]:
    content = Path(path).read_bytes()
    before, start = peak(), time.process_time()
    threads = [threading.Thread(target=read, args=(content,)) for _ in range(int(sys.argv[1]))]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    result = None if threads else read(content)
    results[Path(path).name] = result, time.process_time() - start, peak() - before
print(json.dumps(results))
"""


def measured(folder: Path, files: dict[str, bytes], threads: int = 0) -> dict[str, tuple[Any, float, float]]:
    """What each file gave in a process of its own, the seconds of processor time, and by how many MB memory grew."""
    for name, content in files.items():
        (folder / name).write_bytes(content)
    run = subprocess.run(
        [sys.executable, "-W", "error", "-c", MEASURE, str(threads), *(str(folder / name) for name in files)],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path(picture.__file__).parents[2])},
    )
    assert run.returncode == 0, run.stderr
    results: dict[str, tuple[Any, float, float]] = json.loads(run.stdout)
    return results


def zeros(megabytes: int) -> bytes:
    packer = zlib.compressobj(1)
    return b"".join(packer.compress(bytes(1 << 20)) for _ in range(megabytes)) + packer.flush()


def bombs() -> dict[str, tuple[bytes, Any]]:
    """A large photo, and files that cost Pillow seconds or hundreds of megabytes; and what they are to give here."""
    plain, jpeg = saved(boot()), saved(boot(), "JPEG")
    packed = zeros(200)
    slow = saved(Image.new("L", (4_000, 4_000)), "JPEG", progressive=True)
    scan = slow[slow.rindex(b"\xff\xda") : -2]
    photo = Image.new("RGB", (4_000, 4_000), "white")
    photo.paste("black", (1_000, 500, 2_000, 3_500))
    start = header(30_000, 30_000, depth=1)
    end = chunk(b"IEND", b"")
    said = {
        "huge": f"This picture has 30,000 × 30,000 pixels; {TOO_LARGE}.",
        "PNG": f"This PNG {DAMAGED}; save or download it again, or choose another picture.",
        "JPEG": f"This JPEG {DAMAGED}; save or download it again, or choose another picture.",
    }
    text = chunk(b"zTXt", b"a\0\0" + packed)
    international = chunk(b"iTXt", b"a\0\1\0\0\0" + packed)
    profile = chunk(b"iCCP", b"a\0\0" + zlib.compress(bytes(1 << 20)))
    return {
        "photo": (saved(photo, "JPEG"), []),
        "zeros": (start + chunk(b"IDAT", zeros(113)) + end, said["huge"]),
        "surplus": (header(28, 28) + chunk(b"IDAT", packed) + end, None),
        "text": (plain[:33] + text + international + plain[33:], []),
        "late text": (plain[:-12] + text + international + plain[-12:], []),
        "profiles": (plain[:33] + profile * 5_000 + plain[33:], []),
        "chunks": (plain[:33] + chunk(b"IDAT", b"") * 800_000 + plain[33:], said["PNG"]),
        "scans": (slow[:-2] + scan * 3_000 + slow[-2:], said["JPEG"]),
        "segments": (jpeg[:2] + segment(0xE1, b"Exif\0\0" + bytes(90)) * 90_000 + jpeg[2:], said["JPEG"]),
        "short segments": (jpeg[:2] + segment(0xFE, b"") * 2_400_000 + jpeg[2:], said["JPEG"]),
        "fill bytes": (jpeg[:2] + b"\xff" * 9_900_000 + jpeg[2:], []),
        "no marker": (jpeg[:3] + bytes(9_900_000), said["JPEG"]),
        "canvas": (canvas(b"VP8X", 13_000, 13_000), f"This picture has 13,000 × 13,000 pixels; {TOO_LARGE}."),
        "frames": (jpeg_of(65_500, 65_500, progressive=True), f"This picture has 65,500 × 65,500 pixels; {TOO_LARGE}."),
    }


def test_bombs_cost_neither_time_nor_memory(tmp_path: Path) -> None:
    made = bombs()
    assert all(len(content) <= MOST_BYTES for content, _ in made.values())
    results = measured(tmp_path, {name: content for name, (content, _) in made.items()})
    for name, (result, seconds, megabytes) in results.items():
        expected = made[name][1]
        assert result == expected or (expected is None and NOTHING in result), (name, result)
        assert seconds < max(1, 20 * results["photo"][1]), (name, seconds)
        assert megabytes < 40, (name, megabytes)


def test_many_large_pictures_at_once_take_the_memory_of_one(tmp_path: Path) -> None:
    image = Image.new("RGBA", (4_000, 4_000), "white")
    image.paste("black", (1_000, 500, 2_000, 3_500))
    files = {"large": saved(image, compress_level=1)}
    _, _, one = measured(tmp_path, files)["large"]
    _, _, all_ = measured(tmp_path, files, threads=6)["large"]
    assert 50 < one < 300
    assert all_ < 1.3 * one + 20


# Whatever else there is.

SMALL = {
    "PNG": saved(boot()),
    "palette": saved(Image.fromarray(boot()).convert("P"), transparency=0),
    "JPEG": saved(boot(), "JPEG", exif=exif(6)),
    "progressive": saved(boot(), "JPEG", progressive=True),
    "WebP": saved(boot(), "WebP", exif=exif(6)),
    "lossless": saved(boot(), "WebP", lossless=True),
    "animated": saved(Image.fromarray(boot()), "WebP", save_all=True, append_images=[Image.new("L", (28, 28))]),
    "APNG": saved(Image.fromarray(boot()), "PNG", save_all=True, append_images=[Image.new("L", (28, 28))]),
}


def check_read(content: bytes) -> None:
    try:
        seen = picture.read(content)
    except PictureError as error:
        assert str(error).endswith(".")
    else:
        assert isinstance(seen, Picture)
        assert seen.image.shape == (28, 28)


@settings(max_examples=300)
@given(st.sampled_from([b"", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"RIFF\0\0\0\0WEBP"]), st.binary(max_size=300))
def test_random_bytes_give_nothing_but_the_error(start: bytes, rest: bytes) -> None:
    check_read(start + rest)


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """A valid file in which some bytes are changed, dropped or doubled; half of the PNGs get good checksums again."""
    content = bytearray(SMALL[draw(st.sampled_from(sorted(SMALL)))])
    for _ in range(draw(st.integers(1, 8))):
        at = draw(st.integers(0, len(content) - 1))
        length = draw(st.integers(0, 12))
        content[at : at + length] = draw(st.binary(max_size=12) | st.just(bytes(content[at : at + 2 * length])))
    return repaired(bytes(content)) if draw(st.booleans()) else bytes(content)


def repaired(content: bytes) -> bytes:
    parts, at = [content[:8]], 8
    while content.startswith(b"\x89PNG") and at + 12 <= len(content):
        (length,) = struct.unpack_from(">I", content, at)
        parts.append(chunk(content[at + 4 : at + 8], content[at + 8 : at + 8 + length]))
        at += 12 + length
    return b"".join(parts) if len(parts) > 1 else content


@settings(max_examples=600)
@given(damaged())
def test_damaged_files_give_nothing_but_the_error(content: bytes) -> None:
    check_read(content)


# What is written.


@pytest.mark.parametrize("shape", [(28, 28), (1, 1), (5, 9), (5, 9, 3)])
def test_png_comes_back(shape: tuple[int, ...]) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(picture.png(pixels)), formats=["PNG"])), pixels)


@pytest.mark.parametrize(("n", "columns", "rows"), [(1, 1, 1), (7, 3, 3), (6, 3, 2), (2, 5, 1)])
@pytest.mark.parametrize(("h", "w"), [(28, 28), (13, 11)])
def test_a_sheet_holds_the_images_row_by_row(n: int, columns: int, rows: int, h: int, w: int) -> None:
    images = np.random.default_rng(0).integers(1, 256, (n, h, w), np.uint8)
    grid = np.asarray(Image.open(io.BytesIO(picture.sheet(images, columns))))
    assert grid.shape == (h * rows, w * columns)
    for i in range(rows * columns):
        row, column = divmod(i, columns)
        place = grid[h * row : h * row + h, w * column : w * column + w]
        np.testing.assert_array_equal(place, images[i] if i < n else np.zeros((h, w)))
