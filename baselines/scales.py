"""From LR to HR on a pixel grid in one step per prime factor of p."""


def prime_factors(scale: int) -> list[int]:
    """Ascending, e.g. 12 -> [2, 2, 3] and 1 -> []."""
    factors, factor = [], 2
    while scale > 1:
        while scale % factor == 0:
            factors.append(factor)
            scale //= factor
        factor += 1
    return factors
