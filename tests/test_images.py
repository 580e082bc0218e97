"""Uploaded bytes become safe RGB pictures, and these become what torchvision would feed."""

import io
import math
import struct
import subprocess
import sys
import warnings
import zlib

import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from torchvision.transforms import InterpolationMode
from torchvision.transforms._presets import ImageClassification

from xai_core import decoding
from xai_core.errors import ImageError
from xai_core.images import (
    crop_box,
    image_hash,
    model_input,
    read_image,
    sample_image,
    sample_images,
    shown_name,
    visible_crop,
)


def encoded(image, format="PNG", **options):
    buffer = io.BytesIO()
    image.save(buffer, format, **options)
    return buffer.getvalue()


def noise(height, width, channels=3, seed=0):
    values = np.random.default_rng(seed).integers(0, 256, (height, width, channels), np.uint8)
    return Image.fromarray(values)


@pytest.mark.parametrize("format", ["PNG", "BMP", "TIFF", "WEBP"])
def test_lossless_formats_keep_every_value_whatever_the_name(format):
    picture = noise(5, 7)
    options = {"lossless": True} if format == "WEBP" else {}
    read = read_image(encoded(picture, format, **options), "wrong.jpg")
    assert read.mode == "RGB"
    assert np.array_equal(np.asarray(read), np.asarray(picture))


def test_jpeg_is_read():
    read = read_image(encoded(Image.new("RGB", (16, 8), (200, 100, 50)), "JPEG"), "a")
    assert read.size == (16, 8)
    # JPEG rounds in YCbCr: a constant colour moves by 2 at most.
    assert np.abs(np.asarray(read, int) - [200, 100, 50]).max() <= 2


def test_metadata_is_dropped():
    exif = Image.Exif()
    exif[0x010E] = "secret"
    read = read_image(encoded(noise(4, 4), "JPEG", exif=exif, comment=b"secret"), "a.jpg")
    assert read.info == {}
    assert not read.getexif()


def test_exif_orientation_turns_the_picture():
    picture = Image.fromarray(np.arange(18, dtype=np.uint8).reshape(2, 3, 3))
    exif = Image.Exif()
    exif[0x0112] = 6  # "rotate 90 degrees clockwise to see it upright" (EXIF 2.3)
    read = read_image(encoded(picture, exif=exif), "a.png")
    assert np.array_equal(np.asarray(read), np.rot90(np.asarray(picture), -1))


def test_alpha_is_flattened_on_white():
    rgba = Image.fromarray(np.array([[[10, 20, 30, 0], [10, 20, 30, 255]]], np.uint8))
    assert np.asarray(read_image(encoded(rgba), "a")).tolist() == [[[255] * 3, [10, 20, 30]]]
    half = Image.new("RGBA", (1, 1), (0, 0, 0, 51))  # 255 * (1 - 51/255) = 204
    assert read_image(encoded(half), "a").getpixel((0, 0)) == (204, 204, 204)


def test_transparent_palette_is_flattened_on_white():
    palette = Image.new("P", (2, 1))
    palette.putpalette([255, 0, 0, 0, 0, 255])
    palette.putdata([0, 1])
    read = read_image(encoded(palette, transparency=0), "a")
    assert np.asarray(read).tolist() == [[[255, 255, 255], [0, 0, 255]]]


@pytest.mark.parametrize("format", ["PNG", "TIFF"])
def test_16_bit_grey_is_scaled_not_clipped(format):
    values = np.arange(65536, dtype=np.uint16).reshape(256, 256)
    read = np.asarray(read_image(encoded(Image.fromarray(values), format), "a"))[..., 0]
    assert np.array_equal(read, np.rint(values / 257.0))  # 65535 / 255 = 257


def test_real_valued_grey_lies_from_0_to_1_or_is_refused():
    good = Image.fromarray(np.array([[0.0, 0.2, 1.0]], np.float32))
    assert np.asarray(read_image(encoded(good, "TIFF"), "a"))[0, :, 0].tolist() == [0, 51, 255]
    for wrong in (1.5, -0.1, np.nan):
        bad = Image.fromarray(np.array([[0.5, wrong]], np.float32))
        with pytest.raises(ImageError, match="outside 0 to 1"):
            read_image(encoded(bad, "TIFF"), "a")


def test_32_bit_integers_beyond_16_bits_are_refused():
    bad = Image.fromarray(np.array([[0, 65536]], np.int32))
    with pytest.raises(ImageError, match="outside 0 to 65535"):
        read_image(encoded(bad, "TIFF"), "a")


def chunk(kind, content):
    return struct.pack(">I", len(content)) + kind + content + struct.pack(
        ">I", zlib.crc32(kind + content)
    )  # fmt: skip


def deep_png(values, *more):
    """A PNG of 16 bits a value, [H, W, C], with more chunks before the picture's data."""
    height, width, channels = values.shape
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
    colour = {1: 0, 3: 2, 4: 6}[channels]
    parts = [
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 16, colour, 0, 0, 0)),
        *more,
        (b"IDAT", zlib.compress(rows)),
        (b"IEND", b""),
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*part) for part in parts)


def deep_tiff(values, **tags):
    buffer = io.BytesIO()
    kind = "rgb" if values.ndim == 3 else "minisblack"
    tifffile.imwrite(buffer, values, photometric=kind, **tags)
    return buffer.getvalue()


def ramp(largest, *shape):
    """Values from 0 to the largest one."""
    return np.linspace(0, largest, math.prod(shape)).round().astype(np.uint16).reshape(shape)


DEEP = {
    "PNG grey": lambda values: deep_png(values[..., None]),
    "TIFF grey": deep_tiff,
    "PNG colour": lambda values: deep_png(np.stack([values] * 3, -1)),
    "TIFF colour": lambda values: deep_tiff(np.stack([values] * 3, -1)),
    "TIFF colour, packed": lambda values: deep_tiff(np.stack([values] * 3, -1), compression="zlib"),
    "TIFF colour, big end": lambda values: deep_tiff(np.stack([values] * 3, -1), byteorder=">"),
}


@pytest.mark.parametrize("kind", DEEP)
@pytest.mark.parametrize(("largest", "top"), [(255, 255), (256, 4095), (3000, 4095), (4095, 4095)])
def test_few_bits_in_sixteen_are_not_black(kind, largest, top):
    values = ramp(largest, 16, 16)
    read = np.asarray(read_image(DEEP[kind](values), "a"))
    expected = np.rint(values * (255 / top))
    assert np.abs(read.astype(int) - expected[..., None]).max() == 0


@pytest.mark.parametrize("kind", DEEP)
@pytest.mark.parametrize("largest", [0, 4096, 20000])
def test_a_picture_that_is_merely_dark_stays_dark(kind, largest):
    values = ramp(largest, 16, 16)
    read = np.asarray(read_image(DEEP[kind](values), "a")).astype(int)
    # Greys are rounded; of 16-bit colours Pillow keeps the upper byte.
    expected = values // 256 if "colour" in kind else np.rint(values / 257)
    assert np.abs(read - expected[..., None]).max() == 0


def test_what_the_file_declares_decides_over_the_largest_value():
    values = ramp(3000, 16, 16)
    dark = np.rint(values / 257)

    def read(data):
        return np.asarray(read_image(data, "a"))[..., 0]

    # PNG 11.3.2.7: samples are scaled to all 16 bits, whatever sBIT says they came from.
    assert np.array_equal(read(deep_png(values[..., None], (b"sBIT", b"\x0c"))), dark)
    for tag in (281, 341):
        for largest, top in ((65535, 65535), (4000, 4095), (16383, 16383), (9000, 16383)):
            data = deep_tiff(values, extratags=[(tag, "H", 1, largest, True)])
            assert np.array_equal(read(data), np.rint(values * (255 / top))), (tag, largest)
    wrong = deep_tiff(values, extratags=[(281, "H", 1, 700, True)])
    assert np.array_equal(read(wrong), np.rint(values * (255 / 4095))), "it is not the largest"


def test_a_tiff_of_twelve_bits():
    pairs = [(0, 900), (2048, 1000)]  # two values in three bytes
    packed = b"".join(bytes([a >> 4, (a & 15) << 4 | b >> 8, b & 255]) for a, b in pairs)
    tags = [(256, 2), (257, 2), (258, 12), (259, 1), (262, 1), (273, 122), (277, 1), (278, 2),
            (279, len(packed))]  # fmt: skip
    header = b"II*\0" + struct.pack("<IH", 8, len(tags))
    entries = b"".join(struct.pack("<HHII", tag, 4 if tag == 273 else 3, 1, v) for tag, v in tags)
    data = header + entries + bytes(4)
    read = np.asarray(read_image(data.ljust(122, b"\0") + packed, "a"))[..., 0]
    expected = [[round(v * 255 / 4095) for v in pair] for pair in pairs]
    assert read.tolist() == expected


def test_deep_alpha_and_orientation_outlast_the_scaling():
    values = np.stack([ramp(4000, 2, 3)] * 3 + [np.full((2, 3), 65535, np.uint16)], -1)
    read = np.asarray(read_image(deep_png(values), "a"))
    assert np.array_equal(read[..., 0], np.rint(values[..., 0] * (255 / 4095)))
    exif = Image.Exif()
    exif[0x0112] = 6
    turned = deep_png(values[..., :3], (b"eXIf", exif.tobytes().removeprefix(b"Exif\0\0")))
    assert np.array_equal(np.asarray(read_image(turned, "a")), np.rot90(read, -1))


def test_deep_colours_in_separate_planes_are_refused():
    planes = np.stack([ramp(60000, 4, 4)] * 3)
    data = deep_tiff(planes, planarconfig="separate")
    with pytest.raises(ImageError, match=r"'a\.tif' holds its colours in separate planes of 16"):
        read_image(data, "a.tif")


def test_cmyk_grey_and_one_bit_become_rgb():
    ink = Image.new("CMYK", (1, 1), (0, 255, 255, 0))  # magenta and yellow ink make red
    assert read_image(encoded(ink, "TIFF"), "a").getpixel((0, 0)) == (255, 0, 0)
    assert read_image(encoded(Image.new("L", (1, 1), 7)), "a").getpixel((0, 0)) == (7, 7, 7)
    assert read_image(encoded(Image.new("1", (1, 1), 1)), "a").getpixel((0, 0)) == (255,) * 3


@pytest.mark.parametrize("format", ["PNG", "WEBP", "TIFF"])
def test_animations_give_their_first_frame(format):
    frames = [Image.new("RGB", (4, 4), colour) for colour in ("red", "blue")]
    options = {"lossless": True} if format == "WEBP" else {}
    data = encoded(frames[0], format, save_all=True, append_images=frames[1:], **options)
    assert read_image(data, "a").getpixel((0, 0)) == (255, 0, 0)


def test_refused_formats_are_named():
    with pytest.raises(ImageError) as caught:
        read_image(encoded(Image.new("P", (2, 2)), "GIF"), "x.gif")
    assert str(caught.value) == "'x.gif' is a GIF; use JPEG, PNG, WebP, BMP or TIFF."
    for data, kind in (
        (b"%PDF-1.7", "a PDF document"),
        (b"\n <svg xmlns='x'/>", "an SVG drawing"),
        (b"\x00\x00\x00\x18ftypheic", "a HEIC picture"),
        (b"\x00\x00\x00\x18ftypavif", "an AVIF picture"),
        (b"\x00\x00\x00\x18ftypisom", "a video"),
        (b"hello", "not a picture that can be read"),
    ):
        with pytest.raises(ImageError, match=kind):
            read_image(data, "x.png")
    with pytest.raises(ImageError, match="empty file"):
        read_image(b"", "x.png")


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "BMP", "TIFF"])
def test_truncated_files_are_refused(format):
    data = encoded(noise(40, 40), format)
    with pytest.raises(ImageError, match=r"'cut\.png' is (damaged|not a picture)"):
        read_image(data[: len(data) // 2], "cut.png")


@pytest.fixture
def undecoded(monkeypatch):
    """No picture is decoded."""

    def decode(*_):
        raise AssertionError("decoded")

    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", decode)


def test_large_files_are_refused():
    with pytest.raises(ImageError, match=r"20\.0 MB; at most 20 MB"):
        read_image(b"\x89PNG" + bytes(20_000_000), "a.png")


@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_a_telephone_s_48_megapixels_are_read_at_half_the_size(mode):
    photo = Image.new(mode, (8000, 6000), 100)
    photo.paste(200, (0, 0, 4000, 6000))
    exif = Image.Exif()
    exif[0x0112] = 6
    read = read_image(encoded(photo, "JPEG", exif=exif), "IMG_1.jpg")
    assert (read.mode, read.size) == ("RGB", (3000, 4000))
    # The left half is the upper one once it is turned; flat colours move by 2 at most.
    values = np.asarray(read.resize((1, 2), Image.Resampling.BOX), int)
    grey = values[:, 0, 0] if mode == "RGB" else values[:, 0, 1]
    assert np.abs(grey - [200, 100]).max() <= 2


def test_a_large_jpeg_of_several_pictures_gives_its_first_at_half_the_size(monkeypatch):
    monkeypatch.setattr(decoding, "MAX_PIXELS", 1000)
    frames = [Image.new("RGB", (64, 48), colour) for colour in ("white", "black")]
    data = encoded(frames[0], "MPO", save_all=True, append_images=frames[1:])
    read = read_image(data, "a.jpg")
    assert (read.size, read.getpixel((0, 0))) == ((32, 24), (255, 255, 255))


def header(format, width, height, progressive=False):
    """The start of a file that declares a size, and holds no picture."""
    if format == "PNG":
        return b"\x89PNG\r\n\x1a\n" + chunk(
            b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
        ) + chunk(b"IDAT", b"")  # fmt: skip
    data = bytearray(encoded(Image.new("RGB", (16, 16)), "JPEG", progressive=progressive))
    place = data.index(b"\xff\xc2" if progressive else b"\xff\xc0")
    data[place + 5 : place + 9] = struct.pack(">HH", height, width)
    return bytes(data)


@pytest.mark.parametrize(
    ("format", "size", "progressive", "sentence"),
    [
        ("JPEG", (10_000, 8_001), False, "at most 80 million are allowed in a JPEG"),
        ("JPEG", (10_000, 5_001), True, "at most 50 million are allowed in a progressive JPEG"),
        ("PNG", (8_000, 6_000), False, "at most 25 million are allowed, or 80 million as JPEG"),
        ("PNG", (5_001, 5_000), False, "5001 × 5000 pixels; at most 25 million"),
    ],
)
@pytest.mark.usefixtures("undecoded")
def test_what_would_take_too_much_memory_is_refused_before_decoding(
    format, size, progressive, sentence
):
    with pytest.raises(ImageError, match=sentence):
        read_image(header(format, *size, progressive), "a")


@pytest.mark.parametrize("side", [10_000, 20_000])
def test_pictures_that_pillow_itself_calls_bombs_are_refused(side):
    # Pillow warns above 89 million pixels and raises above twice that.
    data = encoded(Image.new("1", (side, side)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        with pytest.raises(ImageError, match="at most 25 million"):
            read_image(data, "a.png")
    with pytest.raises(ImageError, match="at most 25 million"):
        read_image(data, "a.png")


def test_smallest_and_thinnest_pictures():
    dot = read_image(encoded(Image.new("RGB", (1, 1), (255, 0, 51))), "dot.png")
    x = model_input(dot, (8, 8), 0.875)
    assert np.array_equal(x, np.broadcast_to(np.float32([1, 0, 0.2])[:, None, None], (3, 8, 8)))
    assert crop_box((1, 1), (8, 8), 0.875) == (0, 0, 1, 1)
    assert read_image(encoded(Image.new("RGB", (100, 1))), "a").size == (100, 1)
    with pytest.raises(ImageError, match="at most 100 times the other"):
        read_image(encoded(Image.new("RGB", (101, 1))), "a")


def test_file_names_are_made_fit_to_show():
    assert shown_name("C:\\pictures\\cat.png") == "cat.png"
    assert shown_name("/etc/../cat.png") == "cat.png"
    assert shown_name("a\u202egnp.exe\n") == "a�gnp.exe"
    assert shown_name("") == "picture"
    long = shown_name("x" * 300 + ".png")
    assert len(long) == 40
    assert long.endswith(".png")


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
@settings(max_examples=150, deadline=None, derandomize=True)
@given(
    format=st.sampled_from(["JPEG", "PNG", "WEBP", "BMP", "TIFF"]),
    edits=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), max_size=8),
    end=st.floats(0.1, 1),
)
def test_damaged_bytes_give_a_picture_or_an_image_error(format, edits, end):
    data = bytearray(encoded(noise(12, 9), format))
    for place, value in edits:
        data[int(place * len(data))] = value
    try:
        read = read_image(bytes(data[: int(end * len(data))]), "a")
    except ImageError:
        return
    assert read.mode == "RGB"


def test_hash_depends_on_size_and_values_only():
    picture = noise(4, 6)
    assert image_hash(picture) == image_hash(np.asarray(picture))
    assert image_hash(picture) == image_hash(read_image(encoded(picture), "other name"))
    assert image_hash(picture) != image_hash(noise(4, 6, seed=1))
    same_bytes = Image.frombytes("RGB", (4, 6), picture.tobytes())
    assert image_hash(picture) != image_hash(same_bytes)


SHAPES = [(451, 300), (300, 451), (512, 512), (233, 257), (97, 640), (31, 33), (256, 1000)]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(("crop", "resize"), [(224, 256), (224, 232), (299, 342), (64, 64)])
@pytest.mark.parametrize("resample", ["bilinear", "bicubic"])
def test_model_input_equals_torchvision_s_preset(shape, crop, resize, resample):
    picture = sample_image("cat").crop((0, 0, 451, 300)).resize(shape[::-1])
    preset = ImageClassification(
        crop_size=crop,
        resize_size=resize,
        mean=(0,) * 3,
        std=(1,) * 3,
        interpolation=InterpolationMode(resample),
    )
    found = model_input(picture, (crop, crop), crop / resize, resample)
    assert found.dtype == np.float32
    assert np.array_equal(found, preset(picture).numpy())


def test_oblong_inputs_are_filled_without_distortion():
    # 60 x 40 -> 20 x 40: the width decides, scale 1 against 1/2; the middle 20 rows are kept.
    rows = np.repeat(np.arange(40, dtype=np.uint8)[:, None], 40, axis=1)
    picture = np.stack([rows] * 3, axis=2)
    found = model_input(picture, (20, 40), 1.0)
    assert np.array_equal(np.rint(found[0, :, 0] * 255), np.arange(10, 30))


def test_crop_box_by_hand():
    # 300 x 200, short side 200 -> 256, long 384: crop 224 from (80, 16), scale 200 / 256.
    assert crop_box((300, 200), (224, 224), 224 / 256) == (62, 12, 238, 188)
    assert crop_box((300, 200), (224, 224), 1.0) == (50, 0, 250, 200)
    assert crop_box((200, 300), (64, 64), 1.0) == (0, 50, 200, 250)
    assert crop_box((40, 40), (20, 40), 1.0) == (0, 10, 40, 30)


@settings(deadline=None, derandomize=True)
@given(st.integers(1, 99), st.integers(1, 99), st.integers(1, 80), st.floats(0.5, 1))
def test_crop_box_lies_inside_the_picture(width, height, side, crop):
    left, top, right, bottom = crop_box((width, height), (side, side), crop)
    assert 0 <= left < right <= width
    assert 0 <= top < bottom <= height


def test_visible_crop_is_what_the_model_sees():
    picture = sample_image("astronaut")
    seen = visible_crop(picture, (56, 56), 0.875)
    assert seen.size == (448, 448)  # 512 * 0.875
    difference = model_input(picture, (56, 56), 0.875) - model_input(seen, (56, 56), 1.0)
    # Only the border differs, where the picture's own neighbours are cut off.
    assert np.abs(difference[:, 1:-1, 1:-1]).max() <= 1.5 / 255


def test_arrays_must_be_uint8_pictures():
    grey = np.full((5, 4), 51, np.uint8)
    assert np.array_equal(model_input(grey, (2, 2), 1.0), np.full((3, 2, 2), np.float32(0.2)))
    for wrong in (np.zeros((4, 4, 3)), np.zeros((4, 4, 4), np.uint8), np.zeros((0, 4), np.uint8)):
        with pytest.raises(ImageError, match="must be uint8"):
            model_input(wrong, (2, 2), 1.0)


def test_samples_load_and_the_cat_comes_first():
    samples = sample_images()
    assert [sample.id for sample in samples[:2]] == ["cat", "coffee"]
    assert len({sample.id for sample in samples}) == len(samples) == 8
    hashes = set()
    for sample in samples:
        image = sample.loader()
        assert image.mode == "RGB"
        assert min(image.size) >= 300
        hashes.add(image_hash(image))
    assert len(hashes) == 8
    assert image_hash(sample_image("coffee")) == image_hash(samples[1].loader())
    with pytest.raises(ImageError, match="no sample picture 'dog'; there are: cat, coffee"):
        sample_image("dog")


def test_images_need_no_torch():
    code = "import sys, xai_core.images as i; i.sample_image('cat'); print('torch' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "False"
