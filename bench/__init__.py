"""The benchmark suite: `script/bench [--scale 0.1] [B1 B2 …]`. See docs/performance.md."""
