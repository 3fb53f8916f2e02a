"""Creates at once: 1, 4 and 16 people press Create; how long until each has a running service?"""

import json
import statistics
from concurrent.futures import ThreadPoolExecutor

from bench import road
from bench.install import fresh

AT_ONCE = (1, 4, 16)
LIMIT_S = 300


def main() -> None:
    """One JSON line; seconds from each POST to the first 200 of its service, on warm dependency layers."""
    result = {}
    with fresh() as install:
        road.stages(install, road.create(install, "warm-up")[1])
        for people in AT_ONCE:
            print(f"{people} at once …", flush=True)

            def create(number: int, people: int = people) -> float | str:
                try:
                    seconds, run = road.create(install, f"at-{people}-{number}", LIMIT_S)
                    road.stages(install, run)
                except RuntimeError as error:
                    return str(error)
                return seconds

            with ThreadPoolExecutor(people) as pool:
                ended = list(pool.map(create, range(people)))
            good = [one for one in ended if isinstance(one, float)]
            result[str(people)] = {
                "p50_s": round(statistics.median(good), 2) if good else None,
                "max_s": round(max(good), 2) if good else None,
                "failures": [one for one in ended if isinstance(one, str)],
            }
    print(json.dumps({"creates": result}))


if __name__ == "__main__":
    main()
