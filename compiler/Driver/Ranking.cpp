#include "compiler/Driver/Ranking.h"
#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

using namespace vitc;

std::vector<Ranked> vitc::topClasses(llvm::ArrayRef<float> logits, size_t count, bool sigmoid) {
  double largest = -std::numeric_limits<double>::infinity(), sum = 0;
  for (float logit : logits)
    if (!(logit <= largest) && !std::isnan(logit))
      largest = logit;
  for (float logit : logits)
    if (!std::isnan(logit))
      sum += std::exp(logit - largest);
  std::vector<int64_t> order(logits.size());
  std::iota(order.begin(), order.end(), 0);
  count = std::min(count, order.size());
  std::partial_sort(order.begin(), order.begin() + count, order.end(), [&](int64_t a, int64_t b) {
    bool nanA = std::isnan(logits[a]), nanB = std::isnan(logits[b]);
    if (nanA || nanB)
      return nanA != nanB ? nanB : a < b;
    return logits[a] != logits[b] ? logits[a] > logits[b] : a < b;
  });
  std::vector<Ranked> result;
  for (size_t i = 0; i < count; ++i)
    result.push_back({order[i], sigmoid ? 1 / (1 + std::exp(-static_cast<double>(logits[order[i]])))
                                        : std::exp(logits[order[i]] - largest) / sum});
  return result;
}
