"""Materials of the demo workspace: pictures drawn here, and two animations."""

from __future__ import annotations

import json
import struct
import zlib
from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cdp.core.access import Access
from cdp.demo.steps import one
from marketing.materials import services, thumbnails
from marketing.materials.folders import folders
from marketing.materials.models import SIDE, Material, MaterialFolder

Colour = tuple[int, int, int]
CREAM, SAND, CORAL, RED = (255, 246, 232), (244, 214, 170), (240, 128, 96), (200, 40, 60)
TEAL, SEA, NIGHT, GOLD, LEAF = (30, 140, 150), (120, 200, 205), (18, 40, 66), (240, 186, 80), (90, 160, 100)

PICTURES: tuple[tuple[str, tuple[int, int], tuple[Colour, Colour], tuple[Any, ...], tuple[str, ...]], ...] = (
    (
        "双十一主视觉.png",
        (960, 540),
        (RED, CORAL),
        ((0.78, 0.3, 0.34, GOLD), (0.2, 0.8, 0.22, CREAM), (0.3, 0.72, 0.1, RED)),
        ("双十一", "主视觉"),
    ),
    (
        "双十一会场横幅.png",
        (1200, 400),
        (CORAL, GOLD),
        ((0.1, 0.5, 0.3, RED), (0.9, 0.4, 0.4, CREAM)),
        ("双十一", "横幅"),
    ),
    (
        "会员日横幅.png",
        (1200, 400),
        (NIGHT, TEAL),
        ((0.82, 0.5, 0.5, GOLD), (0.82, 0.5, 0.36, NIGHT)),
        ("会员", "横幅"),
    ),
    (
        "生日礼券.png",
        (640, 640),
        (CREAM, CORAL),
        ((0.5, 0.55, 0.3, RED), (0.5, 0.3, 0.1, GOLD)),
        ("会员", "优惠券"),
    ),
    (
        "新人优惠券.png",
        (800, 450),
        (GOLD, CREAM),
        ((0.0, 0.5, 0.16, CREAM), (1.0, 0.5, 0.16, CREAM), (0.5, 0.5, 0.3, CORAL)),
        ("优惠券",),
    ),
    (
        "夏日清凉海报.png",
        (600, 800),
        (CREAM, SEA),
        ((0.7, 0.2, 0.16, GOLD), (0.2, 1.0, 0.5, TEAL), (0.9, 1.05, 0.5, NIGHT)),
        ("主视觉", "夏季"),
    ),
    (
        "秋季上新.png",
        (960, 540),
        (SAND, CORAL),
        ((0.75, 0.6, 0.36, RED), (0.55, 0.75, 0.24, GOLD)),
        ("主视觉",),
    ),
    (
        "门店开业.png",
        (800, 450),
        (LEAF, CREAM),
        ((0.5, 1.1, 0.7, NIGHT), (0.2, 0.3, 0.12, GOLD)),
        ("门店",),
    ),
)
ANIMATIONS = (("加载动画.json", CORAL, ("动效",)), ("领取成功动效.json", TEAL, ("动效", "优惠券")))
FOLDERS = ("双十一", "会员")
"""First tags that are folders as well."""
SHARED = ("双十一主视觉.png", "会员日横幅.png", "新人优惠券.png")


def load(access: Access) -> None:
    """Ten materials with tags and small pictures, some of them shared and in folders."""
    for name, size, colours, circles, tags in PICTURES:
        material = _keep(access, name, _png(_draw(size, colours, circles)), tags)
        scale = SIDE / max(size)
        small = (round(size[0] * scale), round(size[1] * scale))
        thumbnails.keep(access, material, BytesIO(_png(_draw(small, colours, circles))))
    for name, colour, tags in ANIMATIONS:
        _keep(access, name, _bouncing(colour), tags)


def _keep(access: Access, name: str, data: bytes, tags: tuple[str, ...]) -> Material:
    def make() -> Material:
        return services.upload(access, name, BytesIO(data), shared=name in SHARED, folder=folder)

    folder = _folder(access, tags[0]) if tags[0] in FOLDERS else None
    material: Material = one(Material, access, make, name=name)
    return services.set_tags(access, material, tags)


def _folder(access: Access, name: str) -> MaterialFolder:
    found: MaterialFolder = one(
        MaterialFolder, access, lambda: folders.create(access, name), name=name, parent=None
    )
    return found


def _draw(
    size: tuple[int, int], colours: tuple[Colour, Colour], circles: tuple[Any, ...]
) -> NDArray[np.uint8]:
    """Circles with soft edges, at (x, y, radius, colour) in parts of the shorter side, on a slope of two colours."""
    width, height = size
    y, x = np.mgrid[0:height, 0:width].astype(np.float64)
    first, last = (np.array(colour, dtype=np.float64) for colour in colours)
    slope = ((x / width + y / height) / 2)[..., None]
    pixels = first * (1 - slope) + last * slope
    for at_x, at_y, radius, colour in circles:
        far = np.hypot(x - at_x * width, y - at_y * height)
        cover = np.clip(radius * min(size) - far + 0.5, 0, 1)[..., None]
        pixels = pixels * (1 - cover) + np.array(colour, dtype=np.float64) * cover
    return pixels.round().astype(np.uint8)


def _png(pixels: NDArray[np.uint8]) -> bytes:
    height, width, _channels = pixels.shape
    rows = np.zeros((height, 1 + width * 3), dtype=np.uint8)
    rows[:, 1:] = pixels.reshape(height, -1)

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = zlib.compress(rows.tobytes(), 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def _bouncing(colour: Colour) -> bytes:
    """A Lottie animation of a ball that goes up and down."""
    heights = [(0, 150), (15, 60), (30, 150)]
    way = [
        {"t": frame, "s": [100, height], "i": {"x": [0.5], "y": [1]}, "o": {"x": [0.5], "y": [0]}}
        for frame, height in heights
    ]
    still = {"a": 0, "k": [0, 0]}
    ball = [
        {"ty": "el", "p": still, "s": {"a": 0, "k": [60, 60]}},
        {"ty": "fl", "c": {"a": 0, "k": [part / 255 for part in colour]}, "o": {"a": 0, "k": 100}},
    ]
    place = {
        "p": {"a": 1, "k": way},
        "a": still,
        "s": {"a": 0, "k": [100, 100]},
        "r": {"a": 0, "k": 0},
        "o": {"a": 0, "k": 100},
    }
    layer = {"ty": 4, "nm": "ball", "ip": 0, "op": 30, "st": 0, "ks": place, "shapes": ball}
    return json.dumps(
        {"v": "5.7.0", "fr": 30, "ip": 0, "op": 30, "w": 200, "h": 200, "layers": [layer]}
    ).encode()
