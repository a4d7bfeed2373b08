#!/usr/bin/env python3
"""Plants each violation in a made tree and expects check_style to find it, and nothing in a clean one."""

import pathlib
import tempfile
import unittest

import check_style

HEADER = "#pragma once\n"


class CheckStyleTest(unittest.TestCase):
    def setUp(self):
        self._folder = tempfile.TemporaryDirectory()
        self.root = pathlib.Path(self._folder.name)
        self.put("src/base/clock.hpp", HEADER)
        self.put("src/base/clock.cpp", '#include "base/clock.hpp"\n\n#include <vector>\n')
        self.put("src/io/file_system.hpp", HEADER + '#include "base/clock.hpp"\n#include <vibrato/status.hpp>\n')
        self.put("include/vibrato/status.hpp", HEADER + "#include <string>\n#include <vibrato/check.hpp>\n")
        self.put("src/simd/dot_avx2.cpp", "#include <immintrin.h>\n")
        self.put("src/sqlite/connection.cpp", "#include <sqlite3.h>\n")
        self.put("src/server/session.cpp", '#include <boost/beast.hpp>\n#include "api/route.hpp"\n')
        self.put("src/io/real.cpp", "#include <sys/stat.h>\n")
        self.put("tests/unit/io/real_test.cpp", '#include "io/file_system.hpp"\n#include <filesystem>\n')

    def tearDown(self):
        self._folder.cleanup()

    def put(self, path, text):
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")

    def found(self):
        return [(violation.rule, violation.path, violation.line) for violation in check_style.check_tree(self.root)]

    def expect(self, rule, path, line=1):
        self.assertEqual(self.found(), [(rule, path, line)])

    def test_a_clean_tree_has_no_violation(self):
        self.assertEqual(self.found(), [])

    def test_a_lower_layer_must_not_include_a_higher_one(self):
        self.put("src/base/ids.hpp", HEADER + '\n#include "io/file_system.hpp"\n')
        self.expect("layer", "src/base/ids.hpp", 3)

    def test_a_layer_must_not_include_another_of_its_own_level(self):
        self.put("src/io/map.cpp", '#include "simd/kernels.hpp"\n')
        self.expect("layer", "src/io/map.cpp")

    def test_angle_brackets_do_not_hide_an_include_of_a_higher_layer(self):
        self.put("src/base/ids.cpp", "#  include <engine/engine.hpp>\n")
        self.expect("layer", "src/base/ids.cpp")

    def test_every_pair_of_layers_is_judged_by_its_levels(self):
        for folder, level in check_style.LEVELS.items():
            for other, other_level in check_style.LEVELS.items():
                includes = [check_style.Include(1, f'"{other}/x.hpp"')]
                violations = list(check_style.check_layers(f"src/{folder}/y.cpp", includes))
                allowed = folder == other or other_level < level
                self.assertEqual(not violations, allowed, f"{folder} includes {other}")

    def test_a_folder_that_is_no_layer_is_refused(self):
        self.put("src/utils/strings.cpp", "")
        self.expect("layer", "src/utils/strings.cpp")

    def test_a_file_directly_in_src_is_refused(self):
        self.put("src/main.cpp", "")
        self.expect("layer", "src/main.cpp")

    def test_an_include_without_its_layer_is_refused(self):
        self.put("src/io/map.cpp", '#include "file_system.hpp"\n')
        self.expect("layer", "src/io/map.cpp")

    def test_a_layer_must_not_link_a_higher_one(self):
        self.put("src/CMakeLists.txt", "vibrato_layer(io DEPENDS base)\nvibrato_layer(base LIBRARIES fmt DEPENDS io)\n")
        self.expect("layer-link", "src/CMakeLists.txt", 2)

    def test_a_public_header_must_not_include_src(self):
        self.put("include/vibrato/metric.hpp", HEADER + '#include "base/clock.hpp"\n')
        self.expect("public-header", "include/vibrato/metric.hpp", 2)
        self.put("include/vibrato/metric.hpp", HEADER + "#include <base/clock.hpp>\n")
        self.expect("public-header", "include/vibrato/metric.hpp", 2)

    def test_intrinsics_stay_in_simd(self):
        for header in ("immintrin.h", "x86intrin.h", "nmmintrin.h", "arm_neon.h", "arm_acle.h", "xsimd/xsimd.hpp"):
            self.put("src/quant/encode.cpp", f"#include <{header}>\n")
            self.expect("door", "src/quant/encode.cpp")

    def test_sqlite_stays_in_sqlite(self):
        self.put("src/catalog/tables.cpp", "#include <sqlite3.h>\n")
        self.expect("door", "src/catalog/tables.cpp")

    def test_beast_and_asio_stay_in_server(self):
        for header in ("boost/beast/http.hpp", "boost/asio.hpp", "boost/asio/ip/tcp.hpp"):
            self.put("src/api/reply.cpp", f"#include <{header}>\n")
            self.expect("door", "src/api/reply.cpp")

    def test_the_file_system_is_reached_through_io(self):
        for header in ("fstream", "filesystem", "dirent.h", "sys/stat.h"):
            self.put("src/store/reader.cpp", f"#include <{header}>\n")
            self.expect("door", "src/store/reader.cpp")

    def test_a_file_of_more_than_500_lines_is_too_long(self):
        self.put("src/io/long.cpp", "\n" * 500)
        self.assertEqual(self.found(), [])
        self.put("src/io/long.cpp", "\n" * 501)
        self.expect("file-length", "src/io/long.cpp", 501)

    def test_notes_of_unfinished_work_are_refused(self):
        for word in ("TO" "DO", "FIX" "ME", "X" "XX"):
            self.put("scripts/run.sh", f"echo\n# {word}: later\n")
            self.expect("left-over", "scripts/run.sh", 2)

    def test_a_header_needs_pragma_once(self):
        self.put("src/io/map.hpp", "// A map.\n")
        self.expect("pragma-once", "src/io/map.hpp")

    def test_a_cpp_includes_its_own_header_first(self):
        self.put("src/base/clock.cpp", '#include <vector>\n#include "base/clock.hpp"\n')
        self.expect("own-header-first", "src/base/clock.cpp")
        self.put("src/base/clock.cpp", "")
        self.expect("own-header-first", "src/base/clock.cpp")

    def test_an_atomic_shared_ptr_is_refused(self):
        self.put("src/vector/versions.hpp", HEADER + "std::atomic< std::shared_ptr<int>> current;\n")
        self.expect("atomic-shared-ptr", "src/vector/versions.hpp", 2)
        self.put("src/vector/versions.hpp", HEADER + "// No std::atomic<std::shared_ptr> here.\n")
        self.assertEqual(self.found(), [])

    def test_file_names_are_snake_case(self):
        self.put("src/io/MapFile.cpp", "")
        self.expect("file-name", "src/io/MapFile.cpp")

    def test_the_top_level_is_closed(self):
        self.put("notes/plan.md", "")
        self.expect("top-level", "notes")

    def test_each_message_names_the_place_and_says_what_to_do(self):
        self.put("src/catalog/tables.cpp", "\n#include <sqlite3.h>\n")
        self.assertEqual([str(violation) for violation in check_style.check_tree(self.root)],
                         ["src/catalog/tables.cpp:2: [door] <sqlite3.h>: sqlite3.h is included in src/sqlite only; "
                          "use its connection and statement"])

    def test_the_exit_code_tells_clean_from_dirty_and_from_no_tree(self):
        self.assertEqual(check_style.main(["check_style.py", str(self.root)]), 0)
        self.put("src/io/map.hpp", "")
        self.assertEqual(check_style.main(["check_style.py", str(self.root)]), 1)
        self.assertEqual(check_style.main(["check_style.py", str(self.root / "none")]), 2)


if __name__ == "__main__":
    unittest.main()
