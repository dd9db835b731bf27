"""Figures, shapes and panels of the comparison. Standard library only; run by report.test."""

import array
import json
import os
import sys
import tempfile
import unittest
import xml.etree.ElementTree as ElementTree

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(HERE)), "bench"))

from harness import environments, figures, machine, models, plot, report  # noqa: E402
from peers import PEERS  # noqa: E402


class Models(unittest.TestCase):
    def test_arithmetic_is_that_of_vitc(self):
        # M_GFLOP of the headers that vitc writes for the presets.
        self.assertAlmostEqual(models.PRESETS["vit_tiny_patch16_224"].gflop, 2.5073664, places=6)

    def test_tensors(self):
        shape = models.PRESETS["vit_base_patch16_224"]
        self.assertEqual(shape.tensors()["blocks.11.attn.qkv.weight"], (2304, 768))
        self.assertEqual(shape.weight_bytes, 4 * 86567656)  # timm's parameter count
        dino = models.PRESETS["vit_small_patch14_dinov2"]
        self.assertEqual(dino.tensors()["pos_embed"], (1, 1370, 384))
        self.assertEqual(dino.outputs, 384)
        self.assertIn("blocks.0.ls1.gamma", dino.tensors())
        self.assertNotIn("head.weight", dino.tensors())


class Figures(unittest.TestCase):
    def test_summary(self):
        summary = figures.summarize([[1.0, 2.0, 3.0], [4.0, 5.0]])
        self.assertEqual((summary["median_ms"], summary["best_ms"], summary["runs"]), (3.0, 1.0, 5))
        self.assertEqual(summary["round_medians_ms"], [2.0, 4.5])
        self.assertAlmostEqual(summary["spread"], 4 / 3)

    def test_relative_error(self):
        self.assertEqual(figures.relative_error([3.0, 4.0], [3.0, 4.0]), 0)
        self.assertAlmostEqual(figures.relative_error([3.0, 4.5], [3.0, 4.0]), 0.1)

    def test_short_output_is_an_error(self):
        with tempfile.NamedTemporaryFile() as f:
            f.write(array.array("f", [1, 2, 3]).tobytes())
            f.flush()
            self.assertEqual(list(figures.read_floats(f.name, "f", 3)), [1, 2, 3])
            with self.assertRaisesRegex(ValueError, "expected 4 numbers"):
                figures.read_floats(f.name, "f", 4)


class Plot(unittest.TestCase):
    def setUp(self):
        self.result = report.read_json(os.path.join(HERE, "Inputs", "result.json"))

    def test_the_fastest_variant_counts(self):
        slower = dict(self.result["rows"][0], variant="<slow & fast>", median_ms=300.0)
        self.result["rows"].append(slower)
        (_, peak, rows), = plot.panels(self.result)
        self.assertEqual(peak, 250)
        self.assertEqual([report.name(row) for row in rows], ["vitc", "ONNX Runtime, plain graph"])

    def test_svg_is_xml_whatever_the_names(self):
        for row in self.result["rows"]:
            row["variant"] = "<a & b>"
        ElementTree.fromstring(plot.svg(self.result))

    def test_one_batch_and_thread_count(self):
        self.result["rows"] += [dict(row, threads=2) for row in self.result["rows"]]
        self.assertEqual(len(plot.panels(self.result)), 1)
        self.assertIn("2 threads", plot.panels(self.result)[0][0])
        self.assertIn("1 thread", plot.panels(self.result, threads=1)[0][0])
        self.assertEqual(plot.panels(self.result, batch=8), [])

    def test_rows_of_another_precision_are_marked(self):
        row = next(row for row in self.result["rows"] if row["key"] == "vitc")
        row.update(precision="int8", counts_as="int8")
        self.assertIn("| **vitc** |", report.markdown(self.result))
        row["counts_as"] = "mixed"
        self.assertIn("| **vitc** (counts as mixed) |", report.markdown(self.result))

    def test_nothing_measured(self):
        self.result["rows"] = [row for row in self.result["rows"] if "reason" in row]
        ElementTree.fromstring(plot.svg(self.result))
        self.assertIn("failed: prepare", report.markdown(self.result))


class Surroundings(unittest.TestCase):
    def test_cpus(self):
        self.assertEqual(machine.pick_cpus(1, [3]), [3])
        self.assertIsNone(machine.pick_cpus(2, [3]))

    def test_an_environment_that_is_missing_or_failed_says_why(self):
        with tempfile.TemporaryDirectory() as folder:
            self.assertIn("--setup", environments.missing(folder, "jax"))
            with open(os.path.join(folder, "jax.log"), "w", encoding="utf-8") as f:
                f.write("No matching distribution\n")
            self.assertEqual(environments.missing(folder, "jax"), "could not be installed: No matching distribution")
            os.makedirs(os.path.join(folder, "jax"))
            with open(os.path.join(folder, "jax", "complete"), "w", encoding="utf-8"):
                pass
            self.assertIsNone(environments.missing(folder, "jax"))
        self.assertIsNone(environments.missing("/nowhere", ""))

    def test_every_peer_is_described(self):
        for key, peer in PEERS.items():
            self.assertEqual(peer.key, key)
            self.assertTrue(peer.variants.keys() <= set(models.PRECISIONS) and peer.variants)
            self.assertTrue(key == "vitc" or (peer.packages and peer.deployed and peer.environment))
            for precision, variants in peer.variants.items():
                case = models.Case("vit_tiny_patch16_224", precision, 1, 2, key, next(iter(variants)))
                self.assertEqual(models.Case(**json.loads(json.dumps(case.as_dict()))), case)
                self.assertTrue(all(isinstance(value, str) for value in peer.environ(case).values()))


if __name__ == "__main__":
    unittest.main()
