#!/usr/bin/env bash
# Builds everything and runs every test through ctest. Installs the Debian packages that are missing.
# A missing tool is an error; only tests that need hardware this machine lacks are skipped, and counted.
source "$(dirname "${BASH_SOURCE[0]}")/setup.sh"

need_packages "${build_packages[@]}" "${test_packages[@]}"
configure -DVITC_BUILD_TESTS=ON
say "building"
cmake --build --preset release

# lit and GoogleTest leave the results of their single tests here; ctest alone would count programs.
results=$build/test-results
rm -rf $results
mkdir -p $results
say "testing"
status=0
GTEST_OUTPUT=xml:$PWD/$results/ ctest --preset release --parallel "$(nproc)" --no-tests=error \
  --output-junit "$PWD/$results/ctest.xml" || status=$?
python3 test/summary.py $results || status=1
exit $status
