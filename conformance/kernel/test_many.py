"""Many containers at once: 8 clients, 200 containers, one state root."""
import concurrent.futures
import json
import pathlib

import nucleus_test
from nucleus_test import NucleusTest

CLIENTS, CONTAINERS = 8, 200


class Many(NucleusTest):
    def test_two_hundred_by_eight_clients(self):
        bundle = self.bundle(["sleep", "600"], mode="strict-agent")
        del bundle.linux["cgroupsPath"]
        bundle.write()
        ids = [f"{bundle.tag}-{number}" for number in range(CONTAINERS)]
        bundle.ids = ids

        def in_parallel(verb, *options):
            def one(id):
                return bundle.call(verb, *options, id, out=bundle.dir / f"{verb}-{id}", timeout=100)
            with concurrent.futures.ThreadPoolExecutor(CLIENTS) as pool:
                failed = [result for result in pool.map(one, ids) if result.rc != 0]
            self.assertEqual(failed, [], verb)

        in_parallel("create", "--bundle", bundle.path, "--mode", bundle.mode)
        in_parallel("start")
        rows = json.loads(self.ok(bundle.call("list", "--format", "json")).out)
        self.assertEqual({row["id"] for row in rows}, set(ids))
        self.assertEqual({row["status"] for row in rows}, {"running"})
        self.assert_distinct([row["pid"] for row in rows])
        in_parallel("delete", "--force")
        self.assertEqual(bundle.leftovers(), [])

    def assert_distinct(self, pids):
        """Every container has a pid, namespaces and a cgroup of its own."""
        self.assertEqual(len(set(pids)), CONTAINERS)
        for kind in ("pid", "mnt", "net"):
            self.assertEqual(len({nucleus_test.namespaces(pid)[kind] for pid in pids}), CONTAINERS, kind)
        self.assertEqual(len({pathlib.Path(f"/proc/{pid}/cgroup").read_text() for pid in pids}), CONTAINERS)

    def test_one_id_wanted_by_eight(self):
        bundle = self.bundle(["sleep", "600"])
        bundle.write()
        bundle.ids = [bundle.id]

        def one(number):
            return bundle.call("create", "--bundle", bundle.path, bundle.id, out=bundle.dir / f"create-{number}")
        with concurrent.futures.ThreadPoolExecutor(CLIENTS) as pool:
            results = list(pool.map(one, range(CLIENTS)))
        self.assertEqual(sorted(result.rc for result in results), [0] + [1] * (CLIENTS - 1))
        for result in results:
            self.assertTrue(result.rc == 0 or "container with given ID already exists" in result.err, result)

    def test_one_container_deleted_by_eight(self):
        bundle = self.create_and_start(self.bundle(["sleep", "600"]))
        with concurrent.futures.ThreadPoolExecutor(CLIENTS) as pool:
            results = list(pool.map(lambda _: bundle.delete("--force"), range(CLIENTS)))
        self.assertEqual([result.rc for result in results], [0] * CLIENTS, results)


if __name__ == "__main__":
    nucleus_test.main()
