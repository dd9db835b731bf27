//===- Options.td - every option of vitc's commands, spelled once -------------------------------------===//
//
// An option is visible to the commands that list it; the same spelling may mean, and say in its help, something
// narrower for one command than for another.
//
//===----------------------------------------------------------------------------------------------===//

include "llvm/Option/OptParser.td"

def TopVis : OptionVisibility; // vitc without a command
def CompileVis : OptionVisibility;
def RunVis : OptionVisibility;
def ClassifyVis : OptionVisibility;
def InspectVis : OptionVisibility;
def VerifyVis : OptionVisibility;
def BenchVis : OptionVisibility;
def TargetsVis : OptionVisibility;
def ImportVis : OptionVisibility;
def EvalVis : OptionVisibility;
def DoctorVis : OptionVisibility;

// Commands that open a MODEL.
defvar ModelCommands = [CompileVis, RunVis, ClassifyVis, InspectVis, VerifyVis, BenchVis, ImportVis, EvalVis, DoctorVis];
defvar AllCommands = !listconcat(ModelCommands, [TargetsVis]);

// `--name VALUE` and `--name=VALUE`. OptTable has room for one variant of a help text.
multiclass Value<string name, list<OptionVisibility> commands, string meta, string help,
                 list<HelpTextVariant> variants = []> {
  def "" : Separate<["--"], name>, Visibility<commands>, MetaVarName<meta>, HelpText<help> {
    let HelpTextsForVariants = variants;
  }
  def _eq : Joined<["--"], name#"=">, Alias<!cast<Option>(NAME)>, Visibility<commands>;
}

class Switch<string name, list<OptionVisibility> commands, string help>
    : Flag<["--"], name>, Visibility<commands>, HelpText<help>;

def help : Flag<["--", "-"], "help">,
           Visibility<!listconcat([TopVis], AllCommands)>,
           HelpText<"show this text">;
def help_h : Flag<["-"], "h">, Alias<help>,
             Visibility<!listconcat([TopVis], AllCommands)>;
def version : Flag<["--"], "version">, Visibility<[TopVis]>, HelpText<"show the version of vitc and of LLVM">;

def o : JoinedOrSeparate<["-"], "o">, Visibility<[CompileVis, ImportVis]>, MetaVarName<"OUT">,
        HelpText<"what to write; the suffix decides the kind: .o .a .so libraries, .s .ll listings, .mlir .json phases; "
                 "- is standard output (default: NAME.a, or standard output with --emit)"> {
  let HelpTextsForVariants = [HelpTextVariant<[ImportVis], "directory to write; it must not exist yet, or be empty">];
}
defm emit : Value<"emit", [CompileVis], "PHASE",
                  "stop after a phase and print it: import, vit, fused, planned, vector, llvm">;
defm name : Value<"name", [CompileVis], "PREFIX",
                  "prefix of the library's C symbols and of its header (default: from the model)">;
defm target : Value<"target", [CompileVis, RunVis, ClassifyVis, InspectVis, VerifyVis, BenchVis, EvalVis, DoctorVis], "LEVEL",
                    "instruction-set level (bench: levels, with commas, each measured): compiles a model for it, forces it "
                    "in a library (default: the best of this machine)",
                    [HelpTextVariant<[CompileVis], "instruction-set levels, with commas; see 'vitc targets' "
                                     "(default: portable, all of x86-64)">]>;
defm precision : Value<"precision", [CompileVis, RunVis, ClassifyVis, VerifyVis, BenchVis, InspectVis, EvalVis, DoctorVis], "P",
                       "arithmetic of products: f32 (default); bf16, with sums in f32; int8, with scales by token and by output, patches, attention and heads in bf16">;
defm max_error : Value<"max-error", [CompileVis], "X",
                       "with bf16 or int8: keeps the layers that need it in bf16 or f32, so that the relative L2 error of the "
                       "outputs, measured on the pictures of --calibrate or on seeded inputs, is at most X; prints what was "
                       "chosen and why">;
defm calibrate : Value<"calibrate", [CompileVis], "DIR",
                       "PNG and JPEG pictures like those that the model will see. With int8, each layer's input gets one scale "
                       "for all tokens, found from them, instead of one for each token">;
defm batch : Value<"batch", [CompileVis, InspectVis, BenchVis], "N",
                   "images computed in one pass: more memory, less time per image on many threads; results and callers do "
                   "not depend on it (default: 1)",
                   [HelpTextVariant<[BenchVis], "images per run; a list with commas measures each (default: 1)">]>;
defm weights : Value<"weights", [CompileVis], "WHERE",
                     "embed: in the library; file: in PREFIX.vitw beside it; auto: embed up to 16 MiB (default)">;
defm max_side : Value<"max-side", [CompileVis], "N",
                      "largest side of pictures that the library accepts, 1 to 65535 (default: 4096)">;
defm labels : Value<"labels", [CompileVis, ClassifyVis, ImportVis, EvalVis], "FILE",
                    "names of the classes, instead of the checkpoint's: a text file with one a line, or ImageNet's "
                    "meta.mat (its leaf synsets by WordNet ID, each by its first name)">;
defm arch : Value<"arch", ModelCommands, "LIBRARY[:NAME]",
                  "what weights without a configuration are, where their names and shapes do not say: timm:vit_base_patch16_224, "
                  "open_clip:ViT-B-16-quickgelu, ... (docs/bare-weights.md)">;
defm heads : Value<"heads", ModelCommands, "N", "heads of each block of weights without a configuration">;
defm norm_eps : Value<"norm-eps", ModelCommands, "X", "epsilon of all norms, instead of the checkpoint's">;
defm tensor : Value<"tensor", ModelCommands, "NAME=FILE",
                    ".npy file with the tensor that docs/vit-json.md calls NAME, instead of the checkpoint's, or where it "
                    "has none; may be given several times">;
defm image_size : Value<"image-size", ModelCommands, "HxW",
                        "input size in pixels, instead of the checkpoint's: position tables are resized by the model's own "
                        "rule, pictures in proportion. Of a library, one of its sizes (default: the first; bench and verify: "
                        "all, or a list with commas)",
                        [HelpTextVariant<[CompileVis], "input size in pixels, instead of the checkpoint's: position tables are "
                                         "resized by the model's own rule, pictures in proportion. A list with commas makes "
                                         "one library for up to 16 sizes, which share the packed weights; the first is the "
                                         "default">]>;
defm outputs : Value<"outputs", !listremove(ModelCommands, [DoctorVis]), "LIST",
                     "what the library gives back, with commas: logits; probabilities; pooled (in front of the head); features "
                     "(all tokens); hidden:K (behind K blocks); embedding (pooled, of length one); attention:K (maps of "
                     "block K, from 0, for each head); rollout (attention of all blocks, from the tokens to the pooled one). "
                     "Default: logits, or else features and pooled">;
defm zero_shot : Value<"zero-shot", ModelCommands, "FILE",
                       "safetensors file with class embeddings of a text tower, which make a classifier of a model without a "
                       "head: 'embeddings', and perhaps 'scale' or 'logit_scale', 'bias' or 'logit_bias'">;
defm resize_rules : Value<"resize-rules", ModelCommands, "LIBRARY",
                          "whose arithmetic resizes pictures, instead of what the checkpoint names or implies: pillow, "
                          "torchvision (tensors), tensorflow or opencv">;
defm weights_from : Value<"weights-from", [CompileVis, RunVis, VerifyVis, BenchVis], "FILE",
                          "safetensors file with the weights of a .mlir model, by name (default: seeded random)">;
def verify_each : Switch<"verify-each", [CompileVis], "run the IR verifier after every pass">;

defm input : Value<"input", [RunVis], "FILE", "input tensor, .npy: f32 images (normalised) or u8 pixels">;
defm output : Value<"output", [RunVis], "[NAME=]FILE",
                    "where to write an output, .npy; a model with several writes FILE with its name before the suffix, or "
                    "takes one --output NAME=FILE for each that is wanted">;
defm threads : Value<"threads", [RunVis, ClassifyVis, InspectVis, VerifyVis, BenchVis, EvalVis, DoctorVis], "N",
                     "threads (default: all that the process may use)",
                     [HelpTextVariant<[BenchVis, InspectVis], "threads; a list with commas: bench measures each (default: all "
                                      "that the process may use), inspect shows how the plan divides over each">]>;

defm top : Value<"top", [ClassifyVis], "K", "labels to show for each picture (default: 5)">;
defm annotate : Value<"annotate", [ClassifyVis], "DIR",
                      "write each picture with its labels drawn on it to DIR, as PNG">;
defm attention : Value<"attention", [ClassifyVis], "DIR",
                       "write each picture with a heat map over it to DIR, as PNG: how much of each patch reaches the token "
                       "that is pooled, rolled out over all blocks. A library needs the output 'rollout'">;
defm attention_block : Value<"attention-block", [ClassifyVis], "K",
                             "draw the attention of block K, from 0, mean over its heads, instead of all blocks'; a library needs "
                             "the output 'attention:K'">;
defm drop_remainder : Value<"drop-remainder", [EvalVis], "N",
                            "count whole batches of N pictures only: the last ones of the list, which fill none, are left "
                            "out, as training scripts do">;
def json : Switch<"json", [ClassifyVis, InspectVis, VerifyVis, BenchVis, EvalVis, DoctorVis], "print JSON instead of a table">;

defm bound : Value<"bound", [VerifyVis, DoctorVis], "X",
                   "largest relative L2 error that passes, or Nx for N times the error of a plain f32 computation "
                   "(default: 2e-6; 3x with --variant outlier)",
                   [HelpTextVariant<[DoctorVis], "largest relative L2 error of a step of the network (default: 5e-6 to a "
                                    "trace, 2e-5 of compiled code; more in half precision and int8)">]>;
defm reference : Value<"reference", [DoctorVis], "FILE",
                       ".npz with the steps that another framework computed for the picture (docs/doctor.md)">;
defm inputs : Value<"inputs", [VerifyVis], "N", "how many seeded inputs to run (default: 1)">;
defm seed : Value<"seed", [VerifyVis], "N", "seed of the inputs (default: 0)">;
defm variant : Value<"variant", [VerifyVis], "V",
                     "weights of a preset: plain, or outlier (channels 20 to 100 times as large as others, wide gains, "
                     "peaked attention)">;

defm seconds : Value<"seconds", [BenchVis], "S", "time to measure each case (default: 3)">;
def profile : Switch<"profile", [BenchVis], "also show, by region, kind and layer, the time of the forward, its arithmetic and bytes, and how near both come to this machine's limits">;
