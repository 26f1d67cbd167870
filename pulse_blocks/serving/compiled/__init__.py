"""Trees as machine code (the extra ``compiled``): the same bits several times as fast, or not at all."""
