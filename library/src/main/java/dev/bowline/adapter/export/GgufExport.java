package dev.bowline.adapter.export;

import dev.bowline.gguf.GgufArchitecture;
import dev.bowline.gguf.GgufFile;
import dev.bowline.gguf.GgufPart;
import dev.bowline.gguf.GgufTensor;
import dev.bowline.gguf.GgufType;
import dev.bowline.gguf.GgufValue;
import dev.bowline.json.JsonObject;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Optional;
import java.util.SequencedMap;

/// A GGUF file of an adapter, for llama.cpp and Ollama. llama.cpp scales a delta with alpha / rank, with one alpha and
/// the rank of each tensor: where a module's scale is another, the quotient is multiplied into B.
final class GgufExport {

    static final String FILE = "adapter.gguf";

    private final SourceAdapter source;
    private final ExportBase base;
    private final ExportTarget target;
    private final List<GgufTensor> tensors = new ArrayList<>();

    private GgufExport(SourceAdapter source, ExportBase base, ExportTarget target) {
        this.source = source;
        this.base = base;
        this.target = target;
    }

    static Exported of(SourceAdapter source, ExportBase base, ExportTarget target) {
        return new GgufExport(source, base, target).exported();
    }

    private Exported exported() {
        GgufArchitecture architecture = requireSupported();
        source.deltas().forEach(delta -> write(delta, architecture));
        GgufFile file = new GgufFile(metadata(architecture), tensors);
        return switch (target) {
            case OLLAMA -> {
                Modelfile modelfile = Modelfile.of(base);
                yield exported(file, modelfile.notes(), Optional.of(modelfile));
            }
            case LLAMA_CPP, PEFT, VLLM -> exported(file, List.of(), Optional.empty());
        };
    }

    private Exported exported(GgufFile file, List<String> notes, Optional<Modelfile> modelfile) {
        return new Exported(tensors.size(), file.bytes(), source.tables().size(), notes, directory -> {
            file.create(directory.resolve(FILE));
            if (modelfile.isPresent()) {
                modelfile.get().write(directory);
            }
        });
    }

    private GgufArchitecture requireSupported() {
        Refusals refusals = new Refusals(source, base, target);
        Optional<GgufArchitecture> architecture = GgufArchitecture.of(base.className());
        if (architecture.isEmpty()) {
            refusals.add("no architecture of llama.cpp is known for %s"
                    .formatted(base.className().isEmpty() ? "a config.json without architectures" : base.className()));
        }
        for (Delta delta : source.deltas()) {
            String module = delta.module();
            if (delta instanceof Delta.OfExperts) {
                refusals.add("a GGUF adapter has no form for the stacked experts of '%s'".formatted(module));
            } else if (base.isTied() && (base.isHead(module) || base.isInputEmbedding(module))) {
                refusals.add(
                        "the base is tied, and llama.cpp has one tensor for head and input embedding, to which no delta of '%s' fits"
                                .formatted(module));
            } else if (architecture.isPresent()
                    && architecture.get().parts(module).isEmpty()) {
                refusals.add("it applies no delta to '%s'".formatted(module));
            }
        }
        refusals.requireNone();
        return architecture.orElseThrow();
    }

    private void write(Delta delta, GgufArchitecture architecture) {
        switch (delta) {
            case Delta.OfLinear linear -> {
                for (GgufPart part : architecture.parts(linear.module())) {
                    Matrix b = ordered(linear.b(), part);
                    add(part.name(), linear.a(), b.times(factor(linear)));
                }
            }
            // llama.cpp looks rows of lora_a up, and multiplies them with lora_b.
            case Delta.OfEmbedding embedding ->
                add(
                        architecture.parts(embedding.module()).getFirst().name(),
                        embedding.a().transposed(),
                        embedding.b().times(factor(embedding)));
            case Delta.OfExperts experts -> throw new IllegalStateException(experts.module() + " was refused");
        }
    }

    private double factor(Delta delta) {
        return delta.scale() * delta.rank() / source.config().loraAlpha();
    }

    private Matrix ordered(Matrix b, GgufPart part) {
        if (part.parts() == 1 && part.order() == GgufPart.RowOrder.SAME) {
            return b;
        }
        JsonObject text = base.textConfig();
        long queryHeads = text.requireLong("num_attention_heads");
        long keyHeads = text.optionalLong("num_key_value_heads").orElse(queryHeads);
        int rows = b.rows() / part.parts();
        return b.rows(rows, row -> Math.toIntExact(part.sourceRow(row, rows, queryHeads, keyHeads)));
    }

    private void add(String name, Matrix a, Matrix b) {
        tensors.add(new GgufTensor(name + ".lora_a", GgufType.F32, a.shape(), a.bytes()));
        tensors.add(new GgufTensor(name + ".lora_b", GgufType.F32, b.shape(), b.bytes()));
    }

    private SequencedMap<String, GgufValue> metadata(GgufArchitecture architecture) {
        SequencedMap<String, GgufValue> metadata = new LinkedHashMap<>();
        metadata.put("general.architecture", new GgufValue.Text(architecture.text()));
        metadata.put("general.type", new GgufValue.Text("adapter"));
        metadata.put("adapter.type", new GgufValue.Text("lora"));
        source.files()
                .json()
                .optionalString("base_model_name_or_path")
                .filter(name -> !name.isBlank())
                .ifPresent(name -> {
                    metadata.put("general.base_model.count", new GgufValue.Unsigned(1));
                    metadata.put("general.base_model.0.name", new GgufValue.Text(name));
                });
        metadata.put(
                "adapter.lora.alpha", new GgufValue.Real((float) source.config().loraAlpha()));
        return metadata;
    }
}
