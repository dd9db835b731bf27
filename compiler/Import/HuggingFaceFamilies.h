//===- HuggingFaceFamilies.h - what is known about the models of transformers -----------------------===//
//
// A family is data: the names of its tensors, the keys of its config.json with their defaults, and what each
// of its classes puts behind the last block. HuggingFace.cpp reads any of them; supporting another family
// means another row here.
//
//===----------------------------------------------------------------------------------------------===//
#ifndef COMPILER_IMPORT_HUGGINGFACEFAMILIES_H
#define COMPILER_IMPORT_HUGGINGFACEFAMILIES_H

#include "compiler/Import/Importers.h"

namespace vitc::hf {

/// What a model has behind its pooling.
enum class Head {
  None,       ///< outputs features and, unless the pooling is `none`, the pooled row
  Pooler,     ///< as None; a dense layer with tanh where the file holds one
  Projection, ///< as None, the pooled row through a linear layer into the space shared with texts
  Classifier, ///< one linear layer
  Teacher,    ///< the mean of one on the class token and one on the distillation token
};

/// What a class puts behind its last block.
struct Tail {
  FinalNorm norm;
  PoolKind pool;
  Head head;
};

/// A key, true or false or a number, that says whether a tensor exists.
struct Presence {
  const char *key, *tensor; ///< canonical
  bool inverted = false;    ///< true when the tensor does not exist
};

/// A key that says a size which the tensors say, too.
struct Size {
  const char *key;
  int64_t (*of)(const ModelConfig &);
  const char *tensor; ///< canonical, for messages
};

class Reader;

/// The defaults are those of the configuration's class; where nothing is said here, ViTConfig's.
struct Family {
  const char *name; ///< for messages: "a NAME configuration"
  const NameTable *names;
  /// Keys beyond commonKeys() that its configuration may hold.
  llvm::ArrayRef<KeyRule> keys;
  llvm::ArrayRef<Presence> presences = {};
  NormKind norm = NormKind::Layer;
  int64_t imageSize = 224, heads = 12;
  const char *activation = "gelu", *epsKey = "layer_norm_eps";
  double eps = 1e-12;
  /// How the position table is resized to another grid.
  PosResize resize = {"cubic-0.75", /*antialias=*/false, /*alignCorners=*/false, "size"};
  /// Pictures of another size than the table's run, too, and then the table is resized. Otherwise
  /// transformers refuses them.
  bool anySize = false;
  /// What else its configuration says.
  llvm::Error (*readMore)(Reader &) = nullptr;
};

struct ModelClass {
  const char *name;      ///< as `architectures` spells it
  const char *modelType; ///< the `model_type` that belongs to it
  const Family *family;
  Tail tail;
  /// Tensors that the file may hold and the class does not use.
  llvm::ArrayRef<IgnoreRule> ignored = {};
  /// A tensor that tells the class from others of its model_type, when `architectures` is missing: null fits
  /// any file.
  const char *marker = nullptr;
  /// What the user should know about how the class is compiled.
  const char *note = nullptr;
  /// Its configuration holds the picture model's as `vision_config`.
  bool composite = false;
};

/// All classes. One without a family is refused, and its note says why.
llvm::ArrayRef<ModelClass> modelClasses();

extern const NameTable vitNames, dinov2Names, dinov3Names, clipNames, aimv2Names;

/// Keys of sizes, in any family.
llvm::ArrayRef<Size> sizeKeys();
/// Keys of every configuration that transformers writes.
llvm::ArrayRef<KeyRule> commonKeys();
/// Keys beside `vision_config` in the configuration of a model of pictures and texts.
llvm::ArrayRef<KeyRule> compositeKeys();

/// Reading of a config.json against the tensors, for Family::readMore.
class Reader {
public:
  Reader(JsonRef json, Imported &result) : json(std::move(json)), result(result) {}

  /// Values with the default of the configuration's class, which is remembered for a message.
  llvm::Expected<int64_t> integer(llvm::StringRef key, int64_t fallback);
  llvm::Expected<double> number(llvm::StringRef key, double fallback);
  llvm::Expected<std::string> string(llvm::StringRef key, llvm::StringRef fallback);
  llvm::Expected<bool> flag(llvm::StringRef key, bool fallback);
  /// `key`, if present, must say what the tensors say.
  llvm::Error compare(llvm::StringRef key, int64_t fromTensors, llvm::StringRef tensor);
  llvm::Error compare(const Presence &presence);
  /// The name that a canonical tensor has in the file, or would have.
  std::string sourceName(llvm::StringRef canonical) const;
  bool has(llvm::StringRef tensor) const { return result.tensors.has(tensor); }
  ModelConfig &config() { return result.checkpoint.config; }
  void note(std::string text) { result.checkpoint.notes.push_back(std::move(text)); }

  JsonRef json; ///< the object with the picture model's keys: the root, or its `vision_config`
  Imported &result;
  Tail tail{};                       ///< starts as the class's
  std::vector<std::string> defaults; ///< "KEY VALUE" of what was missing
  void defaulted(llvm::StringRef key, const std::string &value);
};

} // namespace vitc::hf

#endif // COMPILER_IMPORT_HUGGINGFACEFAMILIES_H
