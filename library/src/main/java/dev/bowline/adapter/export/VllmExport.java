package dev.bowline.adapter.export;

import dev.bowline.adapter.format.AdapterFiles;
import dev.bowline.adapter.format.AdapterKey;
import dev.bowline.adapter.format.AdapterRecord;
import dev.bowline.adapter.format.LoraConfig;
import dev.bowline.adapter.format.ModuleName;
import dev.bowline.adapter.format.ModulePatterns;
import dev.bowline.adapter.format.VllmModel;
import dev.bowline.safetensors.SafetensorsType;
import dev.bowline.safetensors.TensorSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.SequencedSet;
import java.util.TreeSet;

/// An adapter for vLLM, which reads one rank and one alpha for all modules and a pair of matrices per expert and
/// projection: every matrix is padded with zeros to the largest rank, and the scale of its module is multiplied into B.
final class VllmExport {

    /// vLLM's default of `--max-lora-rank`.
    private static final int DEFAULT_MAX_RANK = 16;

    private final SourceAdapter source;
    private final ExportBase base;
    private final AdapterRecord record;
    private final int rank;
    private final List<TensorSource> tensors = new ArrayList<>();
    private final SequencedSet<String> modules = new TreeSet<>();
    private final List<String> notes = new ArrayList<>();

    private VllmExport(SourceAdapter source, ExportBase base, AdapterRecord record) {
        this.source = source;
        this.base = base;
        this.record = record;
        rank = source.maxRank();
    }

    static Exported of(SourceAdapter source, ExportBase base, AdapterRecord record) {
        return new VllmExport(source, base, record).exported();
    }

    private Exported exported() {
        VllmModel model = requireSupported();
        source.deltas().forEach(delta -> write(delta, model));
        notes.addFirst("start vLLM with --enable-lora --max-lora-rank %d or more; its default is %d"
                .formatted(vllmRank(), DEFAULT_MAX_RANK));
        LoraConfig config = LoraConfig.of(rank, rank, new ModulePatterns.Named(List.copyOf(modules)));
        long bytes = tensors.stream().mapToLong(TensorSource::bytes).sum();
        return new Exported(
                tensors.size(),
                bytes,
                source.tables().size(),
                notes,
                directory -> AdapterFiles.create(directory, config, record, tensors));
    }

    /// The numbers that `--max-lora-rank` takes.
    private int vllmRank() {
        return List.of(1, 8, 16, 32, 64, 128, 256, 320, 512).stream()
                .filter(allowed -> allowed >= rank)
                .findFirst()
                .orElse(rank);
    }

    private VllmModel requireSupported() {
        Refusals refusals = new Refusals(source, base, ExportTarget.VLLM);
        Optional<VllmModel> model = VllmModel.of(base.className());
        if (model.isEmpty()) {
            refusals.add("the names of modules in its class for %s are not known"
                    .formatted(base.className().isEmpty() ? "a config.json without architectures" : base.className()));
        }
        for (Delta delta : source.deltas()) {
            boolean ofTable = base.isHead(delta.module()) || base.isInputEmbedding(delta.module());
            if (ofTable && model.isPresent() && !model.get().adaptsEmbeddings()) {
                refusals.add("its class %s takes no delta of '%s'".formatted(base.className(), delta.module()));
            }
            if (delta instanceof Delta.OfExperts
                    && model.isPresent()
                    && !model.get().hasExperts()) {
                refusals.add("its class %s has no experts for '%s'".formatted(base.className(), delta.module()));
            }
        }
        refusals.requireNone();
        return model.orElseThrow();
    }

    private void write(Delta delta, VllmModel model) {
        switch (delta) {
            case Delta.OfLinear linear -> {
                pair(model.module(linear.module()), linear.a(), linear.b().times(linear.scale()));
                keysAsValues(linear, model);
                router(linear.module());
            }
            case Delta.OfEmbedding embedding -> embedding(model, embedding);
            case Delta.OfExperts experts -> experts(model, experts);
        }
    }

    private void pair(String module, Matrix a, Matrix b) {
        modules.add(ModuleName.last(module));
        String key = AdapterKey.PREFIX + module;
        add(key + ".lora_A.weight", a.withRows(rank));
        add(key + ".lora_B.weight", b.withColumns(rank));
    }

    private void add(String key, Matrix matrix) {
        tensors.add(new TensorSource(key, SafetensorsType.F32, matrix.shape(), matrix.bytes()));
    }

    /// A layer whose values are its keys has no v_proj in transformers. vLLM has one with a copy of k_proj's weight,
    /// and
    /// a delta of k_proj changes the keys alone there.
    private void keysAsValues(Delta.OfLinear linear, VllmModel model) {
        String module = linear.module();
        if (!module.endsWith(".self_attn.k_proj")) {
            return;
        }
        String values = module.replaceFirst("k_proj$", "v_proj");
        String packed = module.replaceFirst("k_proj$", "qkv_proj");
        if (base.modules().named(values).isEmpty()
                && base.modules().named(packed).isEmpty()) {
            pair(model.module(values), linear.a(), linear.b().times(linear.scale()));
        }
    }

    private void router(String module) {
        if (module.endsWith(".router.proj") || module.endsWith(".mlp.gate")) {
            String note = "the adapter changes routers: vLLM applies that since it has GateLinearWithLoRA, and earlier"
                    + " versions do not";
            if (!notes.contains(note)) {
                notes.add(note);
            }
        }
    }

    private void embedding(VllmModel model, Delta.OfEmbedding embedding) {
        String module = model.module(embedding.module());
        modules.add(ModuleName.last(module));
        String key = AdapterKey.PREFIX + module;
        add(key + ".lora_embedding_A", embedding.a().withRows(rank));
        add(key + ".lora_embedding_B", embedding.b().times(embedding.scale()).withColumns(rank));
    }

    private void experts(VllmModel model, Delta.OfExperts experts) {
        String parameter = experts.module();
        boolean isDown = parameter.endsWith(".down_proj");
        for (int expert = 0; expert < experts.pair().experts(); expert++) {
            Matrix a = experts.a(expert);
            Matrix b = experts.b(expert).times(experts.scale());
            if (isDown) {
                pair(model.expert(parameter, expert, "down_proj"), a, b);
            } else {
                int half = b.rows() / 2;
                pair(model.expert(parameter, expert, "gate_proj"), a, b.rows(half, row -> row));
                pair(model.expert(parameter, expert, "up_proj"), a, b.rows(half, row -> half + row));
            }
        }
    }
}
