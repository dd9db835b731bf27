// Weights from memory, path, descriptor and default places; and files that lie.
#include "runtime/src/weights.h"
#include "test/runtime/FakeModel.h"
#include "gtest/gtest.h"
#include <cstddef>
#include <cstring>
#include <fcntl.h>
#include <functional>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

namespace {
class Weights : public testing::Test {
protected:
  void SetUp() override {
    model.info.weights = nullptr;
    options.struct_size = sizeof options;
  }
  void TearDown() override { vitc_weights_close(&weights); }

  vitc_status open() {
    vitc_weights_close(&weights);
    return vitc_weights_open(&weights, &model.info, &options);
  }
  vitc_status openPath(const std::vector<uint8_t> &contents) {
    TemporaryFile file("weights.vitw", contents);
    options.weights_path = file.path.c_str();
    vitc_status status = open();
    options.weights_path = nullptr;
    return status;
  }
  bool right() const {
    return weights.blob && !memcmp(weights.blob, model.weights.data(), model.info.weight_bytes);
  }
  std::string message() const { return vitc_rt_last_message(); }

  FakeModel model;
  vitc_options options = {};
  vitc_weights weights = {};
};

struct Lie {
  const char *name;
  std::function<void(std::vector<uint8_t> &, vitc_weights_header &)> tell;
  const char *message; // part of it
};
} // namespace

TEST_F(Weights, Embedded) {
  model.info.weights = model.weights.data();
  EXPECT_EQ(open(), VITC_OK);
  EXPECT_TRUE(right());
}

TEST_F(Weights, Path) {
  EXPECT_EQ(openPath(weightsFile(model)), VITC_OK) << message();
  EXPECT_TRUE(right());
  EXPECT_EQ(reinterpret_cast<uintptr_t>(weights.blob) % VITC_WEIGHTS_ALIGN, 0u);
}

TEST_F(Weights, Descriptor) {
  TemporaryFile file("weights.vitw", weightsFile(model));
  options.weights_fd = ::open(file.path.c_str(), O_RDONLY);
  options.use_weights_fd = 1;
  lseek(options.weights_fd, 100, SEEK_SET);
  EXPECT_EQ(open(), VITC_OK) << message();
  EXPECT_EQ(lseek(options.weights_fd, 0, SEEK_CUR), 100) << "the caller's file position moved";
  ::close(options.weights_fd);
  EXPECT_TRUE(right());
  EXPECT_EQ(open(), VITC_WEIGHTS_NOT_FOUND) << "the descriptor is closed now";
}

TEST_F(Weights, Memory) {
  std::vector<uint8_t> contents = weightsFile(model), storage(contents.size() + 128);
  uint8_t *data = storage.data() + (64 - reinterpret_cast<uintptr_t>(storage.data()) % 64);
  memcpy(data, contents.data(), contents.size());
  options.weights_data = data;
  options.weights_size = contents.size();
  EXPECT_EQ(open(), VITC_OK) << message();
  EXPECT_TRUE(right());
  options.weights_size = contents.size() - 1;
  EXPECT_EQ(open(), VITC_WEIGHTS_MISMATCH);
  memmove(data + 4, contents.data(), contents.size());
  options.weights_data = data + 4;
  options.weights_size = contents.size();
  EXPECT_EQ(open(), VITC_INVALID_ARGUMENT);
  EXPECT_EQ(message(), "expected weights_data at an address that is a multiple of 64");
}

TEST_F(Weights, OneSourceOnly) {
  options.weights_path = "x";
  options.use_weights_fd = 1;
  EXPECT_EQ(open(), VITC_INVALID_ARGUMENT);
}

TEST_F(Weights, GivenFileReplacesEmbedded) {
  model.info.weights = model.weights.data();
  EXPECT_EQ(openPath(weightsFile(model)), VITC_OK);
  EXPECT_NE(weights.blob, model.info.weights);
  EXPECT_TRUE(right());
}

TEST_F(Weights, DefaultPlaces) {
  EXPECT_EQ(open(), VITC_WEIGHTS_NOT_FOUND);
  EXPECT_EQ(message(), "the model has no weights of its own: set weights_path, weights_fd or weights_data");

  // Beside the program, then in the current directory.
  char self[4096] = {}, before[4096];
  ASSERT_GT(readlink("/proc/self/exe", self, sizeof self - 1), 0);
  std::string directory(self, strrchr(self, '/') + 1 - self);
  std::string name = "vitc-test-" + std::to_string(getpid()) + ".vitw", beside = directory + name;
  model.info.weights_file = name.c_str();
  EXPECT_EQ(open(), VITC_WEIGHTS_NOT_FOUND);
  EXPECT_EQ(message(), "weights file '" + name + "': cannot be opened, neither as '" + beside +
                           "' nor in the current directory; set weights_path");
  TemporaryFile file("weights.vitw", weightsFile(model));
  ASSERT_NE(getcwd(before, sizeof before), nullptr);
  ASSERT_EQ(chdir(testing::TempDir().c_str()), 0);
  ASSERT_EQ(symlink(file.path.c_str(), name.c_str()), 0);
  EXPECT_EQ(open(), VITC_OK) << message();
  EXPECT_TRUE(right());
  // A file beside the program comes first, even if it is wrong.
  TemporaryFile other("other.vitw", {1, 2, 3});
  ASSERT_EQ(symlink(other.path.c_str(), beside.c_str()), 0);
  EXPECT_EQ(open(), VITC_WEIGHTS_MISMATCH);
  unlink(beside.c_str());
  unlink(name.c_str());
  ASSERT_EQ(chdir(before), 0);
}

TEST_F(Weights, DirectoryOfLibrary) {
  char directory[4096];
  ASSERT_TRUE(vitc_directory_of(reinterpret_cast<const void *>(&::getpid), directory, sizeof directory));
  EXPECT_EQ(directory[0], '/');
  EXPECT_EQ(directory[strlen(directory) - 1], '/');
  EXPECT_FALSE(vitc_directory_of(reinterpret_cast<const void *>(&::getpid), directory, 2)) << "does not fit";
  EXPECT_FALSE(vitc_directory_of(nullptr, directory, sizeof directory));
  EXPECT_FALSE(vitc_directory_of(directory, directory, sizeof directory)) << "the stack is no file";
}

TEST_F(Weights, FilesThatLie) {
  const Lie lies[] = {
      {"empty", [](auto &f, auto &) { f.clear(); },
       "expected a size of 4224, got 0 bytes: truncated, or the weights of another model"},
      {"header only", [](auto &f, auto &) { f.resize(64); }, "got 64"},
      {"no blob", [](auto &f, auto &) { f.resize(VITC_WEIGHTS_ALIGN); }, "expected a size of 4224, got 4096"},
      {"one byte short", [](auto &f, auto &) { f.pop_back(); }, "expected a size of 4224, got 4223"},
      {"one byte long", [](auto &f, auto &) { f.push_back(0); }, "too long, or the weights of another model"},
      {"magic", [](auto &, auto &h) { h.magic[0] = 'X'; },
       "begins with VITCWGT1, got bytes 5849544357475431"},
      {"version", [](auto &, auto &h) { h.abi = 7; }, "expected format version 5, got 7"},
      {"header size", [](auto &, auto &h) { h.header_bytes = 64; }, "expected header bytes 4096, got 64"},
      {"blob size", [](auto &, auto &h) { h.weight_bytes = ~0ull; },
       "expected weight bytes 128, got 18446744073709551615"},
      {"content id", [](auto &, auto &h) { h.weight_id[15] ^= 1; },
       "expected content id 30313233343536373839616263646566, got 30313233343536373839616263646567: the "
       "weights of another model or"},
      {"reserved bytes", [](auto &, auto &h) { h.reserved[23] = 9; },
       "expected reserved header byte 0, got 9"},
  };
  for (const Lie &lie : lies) {
    std::vector<uint8_t> file = weightsFile(model);
    vitc_weights_header header;
    memcpy(&header, file.data(), sizeof header);
    lie.tell(file, header);
    if (file.size() == weightsFile(model).size())
      memcpy(file.data(), &header, sizeof header);
    EXPECT_EQ(openPath(file), VITC_WEIGHTS_MISMATCH) << lie.name;
    EXPECT_NE(message().find(lie.message), std::string::npos) << lie.name << ": " << message();
    EXPECT_EQ(weights.blob, nullptr) << lie.name;
    EXPECT_EQ(weights.mapping, nullptr) << lie.name;
  }
}

TEST_F(Weights, NotAFile) {
  options.weights_path = "/nonexistent/model.vitw";
  EXPECT_EQ(open(), VITC_WEIGHTS_NOT_FOUND);
  EXPECT_EQ(message(), "weights file '/nonexistent/model.vitw': no such file");
  options.weights_path = "/tmp";
  EXPECT_EQ(open(), VITC_WEIGHTS_MISMATCH);
  EXPECT_EQ(message(), "weights file '/tmp': not a regular file");
  std::string fifo = testing::TempDir() + "vitc-fifo." + std::to_string(getpid());
  ASSERT_EQ(mkfifo(fifo.c_str(), 0600), 0);
  options.weights_path = fifo.c_str();
  EXPECT_EQ(open(), VITC_WEIGHTS_MISMATCH) << "and does not hang";
  unlink(fifo.c_str());
  std::string longPath(10000, 'a');
  options.weights_path = longPath.c_str();
  EXPECT_EQ(open(), VITC_WEIGHTS_NOT_FOUND);
  EXPECT_LT(message().size(), 400u);
}
