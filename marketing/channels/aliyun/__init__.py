"""Alibaba Cloud (阿里云): SMS and DirectMail by their public interfaces."""

from __future__ import annotations
