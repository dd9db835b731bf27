#include "compiler/Driver/Commands.h"

using namespace vitc;

static constexpr CommandInfo kCommands[] = {
    {"compile", "MODEL [-o OUT] [OPTIONS]", "compile a model to a library, or stop at a phase and print it",
     "Writes a library, its C header PREFIX.h beside it and, for a large model, its weights PREFIX.vitw. A "
     "library holds "
     "code for several instruction-set levels and picks one when it runs.\n"
     "Files appear complete or not at all. The same input gives the same bytes.",
     "vitc compile examples/models/vit-fashion-mnist -o vit_fashion_mnist.a\n"
     "vitc compile preset:vit_base_patch16_224 -o vit_b.so --name vit_b --target x86-64-v4,x86-64-v3\n"
     "vitc compile examples/models/vit-fashion-mnist --target aarch64 -o fashion_arm.o\n"
     "vitc compile path/to/vit --precision int8 --calibrate pictures --max-error 1e-2 -o vit.so\n"
     "vitc compile path/to/vit --image-size 224,384,256x192 -o vit.a\n"
     "vitc compile preset:vit_tiny_patch16_224 --emit fused -o tiny.mlir",
     CompileVis, compileCommand},
    {"run", "MODEL|LIB --input x.npy --output y.npy", "run a model on a tensor in a file",
     "The input is float32 [N, C, H, W] or [C, H, W] ([N, H, W, C] or [H, W, C] where the model has channels "
     "last), already normalised, or uint8 pixels [N, h, w, "
     "channels] or "
     "[h, w, channels] of any size, which are resized, cropped and normalised as the model was trained to. A "
     "float32 input chooses among a library's sizes. "
     "Outputs are "
     "float32 with N in front.",
     "vitc run vit_b.so --input images.npy --output logits.npy\n"
     "vitc run path/to/dino --input x.npy --output pooled=p.npy --output features=f.npy",
     RunVis, runTensorCommand},
    {"classify", "MODEL|LIB IMAGE... [--top K] [--annotate DIR] [--attention DIR]",
     "classify PNG and JPEG pictures",
     "Prints the most probable labels of each picture, and the time that resizing, normalising and the "
     "forward took. "
     "Transparency is dropped, 16 bits become 8, and CMYK is refused.",
     "vitc classify examples/models/vit-fashion-mnist examples/pictures/*.png\n"
     "vitc classify vit_b.so cat.jpg dog.png --top 3 --annotate annotated\n"
     "vitc classify path/to/vit cat.jpg --attention maps\n"
     "vitc classify vit_b.so cat.jpg --json",
     ClassifyVis, classifyCommand},
    {"eval", "MODEL|LIB DIR|LIST [--labels FILE]", "measure top-1 and top-5 over a folder of pictures",
     "DIR holds a folder for each class, called by the class's label or index, or, with as many folders as "
     "classes, by any "
     "names: then the sorted names are the classes 0, 1, 2 and so on. LIST is a text file with a picture and "
     "its class, "
     "label or index, a line; paths are relative to the file.\n"
     "Pictures that cannot be read are named, left out of the percentages and counted; vitc then exits with "
     "1.",
     "vitc eval examples/models/vit-fashion-mnist examples/pictures/list.txt\n"
     "vitc eval vit_b.so imagenet/val --labels labels.txt\n"
     "vitc eval vit_b.so imagenet/val --drop-remainder 16 --json",
     EvalVis, evalCommand},
    {"import", "MODEL -o DIR", "write any model that opens as vit.json and safetensors",
     "Writes the canonical description, the tensors under their canonical names in full precision, and the "
     "labels, if the "
     "model has any. The directory is a model, and means the same. It appears complete or not at all.",
     "vitc import path/to/vit-base-patch16-224 -o vit_b\n"
     "vitc import path/to/model --norm-eps 1e-5 --tensor embed.cls=cls.npy -o model",
     ImportVis, importCommand},
    {"inspect", "MODEL|LIB", "show layers, parameters, GFLOP, memory, preprocessing, provenance",
     "GFLOP count two for a multiply-add: nominal is the model as published, executed what remains after "
     "rows that no "
     "output reads are dropped.",
     "vitc inspect examples/models/vit-fashion-mnist\n"
     "vitc inspect vit_b.so",
     InspectVis, inspectCommand},
    {"verify", "MODEL [LIB] [--bound X]",
     "compare a compiled model with the float64 reference, layer by layer",
     "Runs seeded inputs through the library (or through MODEL compiled for this machine) and through an "
     "interpreter that "
     "computes in float64, and prints the relative L2 error of every region's result and of every output. "
     "With LIB, the "
     "weights that it uses are also hashed in full. Exits with 5 if an output exceeds the bound.",
     "vitc verify examples/models/vit-fashion-mnist\n"
     "vitc verify preset:vit_tiny_patch16_224 --variant outlier --inputs 3\n"
     "vitc verify path/to/model model.so --bound 1e-6",
     VerifyVis, verifyCommand},
    {"doctor", "MODEL|LIB IMAGE [--reference trace.npz]",
     "find the first step at which a picture's computation departs from another framework's",
     "Follows a picture through decode, resize, crop, normalise, embedding, each block, norm, pooled and "
     "logits, and "
     "prints each step's range, and how far the compiled code is from float64. With a trace, an .npz that "
     "the other "
     "framework wrote (docs/doctor.md has the ten lines for PyTorch), each of its steps is computed from the "
     "one "
     "before it in the trace, so that the first that departs is itself to blame; known differences between "
     "frameworks are then tried, and those that explain it are named. Exits with 5 if a step departs.\n"
     "A library shows its outputs and the steps before the network only.",
     "vitc doctor examples/models/vit-fashion-mnist examples/pictures/0000_ankle-boot.png\n"
     "vitc doctor path/to/vit cat.png --reference trace.npz\n"
     "vitc doctor model.so cat.png --reference trace.npz --json",
     DoctorVis, doctorCommand},
    {"bench", "MODEL|LIB... [--batch LIST] [--threads LIST]",
     "measure latency, throughput and share of this machine's limit",
     "Alternates runs of the model with a loop of the level's multiply-add instruction that does nothing "
     "else, on as many "
     "threads. The share of peak is executed GFLOP/s of the median run over that loop's. GFLOP of products "
     "in f32, bf16 and int8 are listed apart; a run counts as the one that 95 % of its products with "
     "weights are. With several models, compare figures of one run of bench only.",
     "vitc bench preset:vit_base_patch16_224 --batch 1,8 --threads 1,2\n"
     "vitc bench vit_b.so --target x86-64-v4,x86-64-v3 --json\n"
     "vitc bench vit_b.so --profile",
     BenchVis, benchCommand},
    {"targets", "", "list what vitc can emit, and what this machine can run",
     "Levels of one architecture can share one library.", "vitc targets", TargetsVis, targetsCommand},
};

llvm::ArrayRef<CommandInfo> vitc::allCommands() { return kCommands; }

const CommandInfo *vitc::findCommand(llvm::StringRef name) {
  for (const CommandInfo &command : kCommands)
    if (command.name == name)
      return &command;
  return nullptr;
}
