# Shared by quickstart.sh and check.sh, which source it: Debian packages, configuration, building.

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

build=build/release

# What the compiler is built from. libc6-dev-arm64-cross: C headers, for the aarch64 half of the runtime it carries.
build_packages=(
  cmake ninja-build clang-22 lld-22 llvm-22 llvm-22-dev libmlir-22-dev mlir-22-tools liblld-22-dev
  libfmt-dev nlohmann-json3-dev libeigen3-dev libpng-dev libjpeg62-turbo-dev zlib1g-dev libzstd-dev
  libc6-dev-arm64-cross)

# What the tests need beyond that.
test_packages=(
  git python3 llvm-22-tools clang-format-22 clang-tidy-22 libclang-rt-22-dev libgtest-dev
  qemu-user gcc-aarch64-linux-gnu dataset-fashion-mnist)

say() { printf '==> %s\n' "$*"; }
die() { printf 'error: %s\n' "$*" >&2; exit 4; }

# need_packages PACKAGE...: installs those that are missing, from Debian, as root or through sudo.
need_packages() {
  local package missing=() as_root=()
  command -v dpkg-query >/dev/null || die "this script installs Debian packages and found no dpkg here;" \
    "install the equivalents of: $* - then run: cmake --preset release && cmake --build --preset release"
  for package in "$@"; do
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing+=("$package")
  done
  [ ${#missing[@]} -gt 0 ] || return 0
  if [ "$(id -u)" != 0 ]; then
    command -v sudo >/dev/null || die "packages are missing, and this is neither root nor is there a sudo;" \
      "as root, run: apt-get install ${missing[*]}"
    as_root=(sudo)
  fi
  mkdir -p build
  say "installing from Debian, which can take minutes (log: build/apt.log): ${missing[*]}"
  # A third-party source that cannot be reached need not matter: whether the packages can be had decides.
  "${as_root[@]}" apt-get update >build/apt.log 2>&1 || say "apt-get update failed, going on with the lists there are"
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
    -o Dpkg::Use-Pty=0 "${missing[@]}" >>build/apt.log 2>&1 || {
    tail -n 20 build/apt.log >&2
    die "apt-get could not install these packages; on Debian 12, LLVM 22 comes from bookworm-security"
  }
}

# configure [cmake option...]: does nothing when the tree is configured and no option is given; ninja runs cmake
# again by itself when a CMakeLists.txt changed.
configure() {
  mkdir -p build
  if [ $# -gt 0 ] || [ ! -f $build/build.ninja ]; then
    say "configuring $build"
    cmake --preset release "$@" >$build.log 2>&1 || { cat $build.log >&2; die "cmake failed (log: $build.log)"; }
  fi
}
