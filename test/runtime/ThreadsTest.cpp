// The thread pool: every task exactly once, whatever the number of threads and CPUs.
#include "runtime/src/threads.h"
#include "gtest/gtest.h"
#include <atomic>
#include <csignal>
#include <memory>
#include <pthread.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <utility>
#include <vector>

namespace {
class Pool : public testing::TestWithParam<uint32_t> {
protected:
  void SetUp() override {
    uint32_t started;
    pool = vitc_pool_create(GetParam(), "pool-test", &started);
    ASSERT_NE(pool, nullptr);
    ASSERT_EQ(started, GetParam());
  }
  void TearDown() override { vitc_pool_destroy(pool); }

  vitc_pool *pool = nullptr;
};

struct Counts {
  explicit Counts(uint32_t tasks, uint32_t workers) : ran(tasks), busy(workers) {}
  std::vector<std::atomic<int>> ran, busy;
  std::atomic<int> errors{0};

  static void task(void *arg, uint32_t index, uint32_t worker) {
    Counts &self = *static_cast<Counts *>(arg);
    if (index >= self.ran.size() || worker >= self.busy.size() || self.busy[worker].exchange(1)) {
      ++self.errors;
      return;
    }
    ++self.ran[index];
    self.busy[worker] = 0;
  }
  bool eachOnce() const {
    for (const std::atomic<int> &count : ran)
      if (count != 1)
        return false;
    return errors == 0;
  }
};
} // namespace

TEST_P(Pool, EveryTaskOnceOnWorkersOfItsOwn) {
  for (int round = 0; round < 20; ++round) {
    ASSERT_TRUE(vitc_pool_take(pool));
    for (uint32_t width : {1u, 2u, 3u, 16u, 40u})
      for (uint32_t lines : {0u, 1u, 2u, 3u, 7u, 64u, 5u}) {
        Counts counts(lines * width, GetParam());
        vitc_pool_run(pool, lines * width, width, Counts::task, &counts);
        ASSERT_TRUE(counts.eachOnce()) << lines << " lines of " << width << " tasks";
      }
    vitc_pool_give_back(pool);
  }
}

// Each worker begins with its part of the lines, or with lines of its own where they have no parts.
TEST(PoolOfTwo, BeginsWithItsShare) {
  struct First {
    std::atomic<int> first[2], started{0};
    static void task(void *arg, uint32_t index, uint32_t worker) {
      First &self = *static_cast<First *>(arg);
      int none = -1;
      if (self.first[worker].compare_exchange_strong(none, static_cast<int>(index)))
        ++self.started;
      while (self.started < 2) // nobody takes from a worker that has not begun
        std::this_thread::yield();
    }
  };
  uint32_t started;
  vitc_pool *pool = vitc_pool_create(2, "pool-test", &started);
  ASSERT_EQ(started, 2u);
  ASSERT_TRUE(vitc_pool_take(pool));
  for (auto [width, second] : {std::pair{1u, 12}, {2u, 1}, {6u, 3}, {24u, 12}}) {
    First firsts{{-1, -1}};
    vitc_pool_run(pool, 24, width, First::task, &firsts);
    EXPECT_EQ(firsts.first[0], 0) << width;
    EXPECT_EQ(firsts.first[1], second) << width;
  }
  vitc_pool_give_back(pool);
  vitc_pool_destroy(pool);
}

// A job sees everything that the job before it wrote.
TEST_P(Pool, JobsAreOrdered) {
  struct Chain {
    std::vector<uint64_t> from, to;
  } chain{std::vector<uint64_t>(97, 1), std::vector<uint64_t>(97)};
  ASSERT_TRUE(vitc_pool_take(pool));
  for (int step = 0; step < 200; ++step) {
    vitc_pool_run(
        pool, 97, 1,
        [](void *arg, uint32_t i, uint32_t) {
          Chain &c = *static_cast<Chain *>(arg);
          c.to[i] = c.from[i] + c.from[(i + 31) % 97];
        },
        &chain);
    std::swap(chain.from, chain.to);
  }
  vitc_pool_give_back(pool);
  for (uint64_t value : chain.from)
    EXPECT_EQ(value, chain.from[0]);
}

TEST_P(Pool, OnlyOneLeaderAtATime) {
  ASSERT_TRUE(vitc_pool_take(pool));
  EXPECT_FALSE(vitc_pool_take(pool));
  vitc_pool_give_back(pool);
  std::atomic<int> holders{0}, most{0}, runs{0};
  std::vector<std::thread> leaders;
  for (int i = 0; i < 4; ++i)
    leaders.emplace_back([&] {
      for (int k = 0; k < 200; ++k) {
        if (!vitc_pool_take(pool))
          continue;
        if (++holders > 1)
          most = 2;
        Counts counts(17, GetParam());
        vitc_pool_run(pool, 17, 1, Counts::task, &counts);
        if (counts.eachOnce())
          ++runs;
        else
          most = 3;
        --holders;
        vitc_pool_give_back(pool);
      }
    });
  for (std::thread &leader : leaders)
    leader.join();
  EXPECT_EQ(most, 0);
  EXPECT_GT(runs, 0);
}

// Workers that went to sleep in the middle of a run, because a serial step took long, are woken again.
TEST_P(Pool, LongSerialGaps) {
  ASSERT_TRUE(vitc_pool_take(pool));
  for (int i = 0; i < 5; ++i) {
    usleep(5000);
    Counts counts(50, GetParam());
    vitc_pool_run(pool, 50, 1, Counts::task, &counts);
    EXPECT_TRUE(counts.eachOnce());
  }
  vitc_pool_give_back(pool);
}

// A leader that finishes first sleeps until the others have.
TEST_P(Pool, SlowTasks) {
  ASSERT_TRUE(vitc_pool_take(pool));
  Counts counts(3, GetParam());
  vitc_pool_run(
      pool, 3, 1,
      [](void *arg, uint32_t index, uint32_t worker) {
        usleep(index == 1 ? 20000 : 10);
        Counts::task(arg, index, worker);
      },
      &counts);
  EXPECT_TRUE(counts.eachOnce());
  vitc_pool_give_back(pool);
}

// In a child of fork the pool is never free, and destroying it neither hangs nor crashes.
TEST_P(Pool, ForkedChild) {
  ASSERT_TRUE(vitc_pool_take(pool));
  vitc_pool_give_back(pool);
  pid_t child = fork();
  if (!child) {
    alarm(20);
    if (vitc_pool_take(pool))
      _exit(1);
    vitc_pool_destroy(pool);
    _exit(0);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
  ASSERT_TRUE(vitc_pool_take(pool)) << "the parent keeps its pool";
  vitc_pool_give_back(pool);
}

INSTANTIATE_TEST_SUITE_P(Threads, Pool, testing::Values(2, 3, 8, 64));

// Workers leave the application's signals alone, and may still crash and be profiled.
TEST(PoolSignals, WorkersBlockThem) {
  uint32_t started;
  vitc_pool *pool = vitc_pool_create(2, "a name longer than a thread may have", &started);
  ASSERT_EQ(started, 2u);
  struct Seen {
    std::atomic<int> ready{0};
    std::atomic<bool> worker{false}, blocksUser{false}, blocksFault{true};
    char name[32] = {};
  } seen;
  ASSERT_TRUE(vitc_pool_take(pool));
  vitc_pool_run(
      pool, 2, 1,
      [](void *arg, uint32_t, uint32_t worker) {
        Seen &s = *static_cast<Seen *>(arg);
        ++s.ready;
        while (s.ready < 2) // both tasks run at once, so one of them is on the worker
          usleep(100);
        if (!worker)
          return;
        sigset_t mask;
        pthread_sigmask(SIG_SETMASK, nullptr, &mask);
        s.worker = true;
        s.blocksUser = sigismember(&mask, SIGUSR1) && sigismember(&mask, SIGTERM);
        s.blocksFault = sigismember(&mask, SIGSEGV) || sigismember(&mask, SIGPROF);
        pthread_getname_np(pthread_self(), s.name, sizeof s.name);
      },
      &seen);
  vitc_pool_give_back(pool);
  vitc_pool_destroy(pool);
  EXPECT_TRUE(seen.worker);
  EXPECT_TRUE(seen.blocksUser);
  EXPECT_FALSE(seen.blocksFault);
  EXPECT_STREQ(seen.name, "a name longer t");
  sigset_t mask;
  pthread_sigmask(SIG_SETMASK, nullptr, &mask);
  EXPECT_FALSE(sigismember(&mask, SIGUSR1)) << "the creator's own mask is restored";
}
