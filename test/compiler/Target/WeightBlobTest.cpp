#include "compiler/Target/WeightBlob.h"
#include "compiler/Support/Error.h"
#include "runtime/include/vitc/abi.h"
#include "llvm/Support/Endian.h"
#include "llvm/Support/xxhash.h"
#include <cmath>
#include <cstring>
#include <gtest/gtest.h>

using namespace vitc;

namespace {

BlobTensor ramp(uint64_t offset, uint64_t elements, double factor) {
  return {"ramp", offset, elements, [factor](int64_t first, llvm::MutableArrayRef<double> out) {
            for (size_t i = 0; i < out.size(); ++i)
              out[i] = factor * (first + i);
          }};
}

std::string write(llvm::ArrayRef<BlobTensor> tensors, WeightId &id) {
  std::string blob;
  llvm::raw_string_ostream os(blob);
  llvm::Expected<WeightId> result = writeBlob(tensors, os);
  EXPECT_TRUE(static_cast<bool>(result));
  if (result)
    id = *result;
  return blob;
}

TEST(WeightBlob, PlacesAndRoundsOnce) {
  // Many pieces of 1 MiB, tensors across their borders, a gap, and given out of order.
  const uint64_t first = 64, n = (40u << 20) / 4 + 3, second = 64 + 4 * n + 52;
  ASSERT_EQ(second % 64, 0u);
  std::vector<BlobTensor> tensors{ramp(second, 100, -1), ramp(first, n, 0.1)};
  WeightId id;
  std::string blob = write(tensors, id);
  ASSERT_EQ(blob.size(), blobBytes(tensors));
  ASSERT_EQ(blob.size() % 64, 0u);
  auto at = [&](uint64_t offset) {
    float value;
    std::memcpy(&value, blob.data() + offset, 4);
    return value;
  };
  for (uint64_t offset = 0; offset < first; offset += 4)
    EXPECT_EQ(at(offset), 0);
  for (uint64_t i = 0; i < n; ++i)
    ASSERT_EQ(at(first + 4 * i), static_cast<float>(0.1 * i)) << i;
  for (uint64_t offset = first + 4 * n; offset < second; offset += 4)
    EXPECT_EQ(at(offset), 0);
  for (uint64_t i = 0; i < 100; ++i)
    EXPECT_EQ(at(second + 4 * i), -static_cast<float>(i));

  llvm::ArrayRef<uint8_t> bytes(reinterpret_cast<const uint8_t *>(blob.data()), blob.size());
  EXPECT_EQ(contentId(bytes), id);
}

TEST(WeightBlob, IdIsDocumentedHash) {
  std::vector<BlobTensor> tensors{ramp(0, (1 << 20) / 4 + 16, 1)};
  WeightId id;
  std::string blob = write(tensors, id);
  llvm::ArrayRef<uint8_t> bytes(reinterpret_cast<const uint8_t *>(blob.data()), blob.size());
  uint8_t digests[32];
  auto digest = [](llvm::ArrayRef<uint8_t> data, uint8_t *out) {
    llvm::XXH128_hash_t hash = llvm::xxh3_128bits(data);
    llvm::support::endian::write64be(out, hash.high64);
    llvm::support::endian::write64be(out + 8, hash.low64);
  };
  digest(bytes.take_front(1 << 20), digests);
  digest(bytes.drop_front(1 << 20), digests + 16);
  WeightId expected;
  digest(digests, expected.data());
  EXPECT_EQ(id, expected);
}

TEST(WeightBlob, IdSeesEveryByte) {
  std::vector<uint8_t> blob(3 << 20, 7);
  WeightId id = contentId(blob);
  for (size_t at : {size_t(0), blob.size() / 2, blob.size() - 1}) {
    std::vector<uint8_t> changed = blob;
    changed[at] ^= 1;
    EXPECT_NE(contentId(changed), id);
  }
}

TEST(WeightBlob, Empty) {
  WeightId id;
  EXPECT_EQ(write({}, id), "");
  EXPECT_EQ(contentId({}), id);
}

TEST(WeightBlob, RefusesOverlapAndMisalignment) {
  llvm::raw_null_ostream os;
  auto message = [&](std::vector<BlobTensor> tensors) {
    llvm::Expected<WeightId> id = writeBlob(tensors, os);
    return id ? std::string() : llvm::toString(id.takeError());
  };
  EXPECT_NE(message({ramp(0, 17, 1), ramp(64, 1, 1)}).find("overlap"), std::string::npos);
  EXPECT_NE(message({ramp(32, 1, 1)}).find("multiple of 64"), std::string::npos);
}

TEST(WeightBlob, HeaderIsThatOfAbiH) {
  WeightId id;
  for (size_t i = 0; i < id.size(); ++i)
    id[i] = i;
  std::string text = weightsHeader(0x123456789a, id);
  ASSERT_EQ(text.size(), static_cast<size_t>(VITC_WEIGHTS_ALIGN));
  vitc_weights_header header;
  std::memcpy(&header, text.data(), sizeof header);
  EXPECT_EQ(std::memcmp(header.magic, VITC_WEIGHTS_MAGIC, 8), 0);
  EXPECT_EQ(header.abi, VITC_ABI_VERSION);
  EXPECT_EQ(header.header_bytes, 4096u);
  EXPECT_EQ(header.weight_bytes, 0x123456789au);
  EXPECT_EQ(std::memcmp(header.weight_id, id.data(), 16), 0);
  EXPECT_EQ(text.find_first_not_of('\0', offsetof(vitc_weights_header, reserved)), std::string::npos);
}

} // namespace
