package dev.bowline.adapter.format;

import dev.bowline.BowlineException;
import dev.bowline.adapter.format.AdapterKey.Part;
import dev.bowline.adapter.format.LoraConfig.Variant;
import dev.bowline.safetensors.ElementReader;
import dev.bowline.safetensors.SafetensorsFile;
import dev.bowline.safetensors.TensorEntry;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.SequencedMap;

/// Refuses tensors of an adapter that its settings do not explain. The base is not needed.
final class AdapterCheck {

    private static final long PIECE_BYTES = 16L << 20;

    private final SafetensorsFile file;
    private final LoraConfig config;
    private final SequencedMap<String, Map<Part, TensorEntry>> modules = new LinkedHashMap<>();

    private AdapterCheck(SafetensorsFile file, LoraConfig config) {
        this.file = file;
        this.config = config;
    }

    static void require(SafetensorsFile file, LoraConfig config) {
        AdapterCheck check = new AdapterCheck(file, config);
        check.requireKnownKeys();
        check.modules.forEach(check::requirePair);
        for (TensorEntry tensor : file.entries().values()) {
            check.requireFinite(tensor);
        }
    }

    private void requireKnownKeys() {
        if (file.entries().isEmpty()) {
            throw refused("holds no tensor", "save the adapter again");
        }
        for (TensorEntry tensor : file.entries().values()) {
            Optional<AdapterKey> key = AdapterKey.of(tensor.name());
            if (key.isPresent()) {
                modules.computeIfAbsent(key.get().module(), _ -> new EnumMap<>(Part.class))
                        .put(key.get().part(), tensor);
            } else if (!ExpertKeys.isGrouped(tensor.name())) {
                throw refused(
                        "holds '%s', which is no key of a LoRA adapter%s"
                                .formatted(
                                        tensor.name(),
                                        tensor.name().startsWith(AdapterKey.PREFIX)
                                                ? ""
                                                : ": it does not begin with '%s'".formatted(AdapterKey.PREFIX)),
                        "save the adapter again with PEFT's save_pretrained");
            }
        }
    }

    private void requirePair(String module, Map<Part, TensorEntry> parts) {
        requireBoth(parts, Part.LORA_A, Part.LORA_B);
        requireBoth(parts, Part.EMBEDDING_A, Part.EMBEDDING_B);
        if (parts.containsKey(Part.LORA_B_BIAS)) {
            throw refused(
                    "holds '%s', and a bias of lora_B is not carried out"
                            .formatted(part(parts, Part.LORA_B_BIAS).name()),
                    "merge the adapter with PEFT's merge_and_unload and use the merged model");
        }
        boolean dora = config.variant() == Variant.DORA;
        if (parts.containsKey(Part.MAGNITUDE) && !dora) {
            throw refused(
                    "holds '%s', and 'use_dora' is false"
                            .formatted(part(parts, Part.MAGNITUDE).name()),
                    "set use_dora to true if the adapter was trained with DoRA");
        }
        if (parts.containsKey(Part.LORA_A)) {
            requireRank(module, part(parts, Part.LORA_A), part(parts, Part.LORA_B));
            if (dora && !parts.containsKey(Part.MAGNITUDE)) {
                throw refused(
                        "has no lora_magnitude_vector for '%s', and 'use_dora' is true".formatted(module),
                        "set use_dora to false if the adapter was trained without DoRA");
            }
        }
        if (parts.containsKey(Part.EMBEDDING_A)) {
            requireRank(module, part(parts, Part.EMBEDDING_A), part(parts, Part.EMBEDDING_B));
        }
    }

    private void requireBoth(Map<Part, TensorEntry> parts, Part first, Part second) {
        if (parts.containsKey(first) != parts.containsKey(second)) {
            boolean hasFirst = parts.containsKey(first);
            throw refused(
                    "holds '%s' without %s"
                            .formatted(part(parts, hasFirst ? first : second).name(), hasFirst ? "B" : "A"),
                    "save the adapter again; the file is not complete");
        }
    }

    /// A has the rank's rows, B the rank's columns; each of E experts has a rank of its own.
    private void requireRank(String module, TensorEntry a, TensorEntry b) {
        for (TensorEntry tensor : List.of(a, b)) {
            if (tensor.shape().size() != 2 || tensor.elements() == 0) {
                throw refused(
                        "holds '%s' with the shape %s, and a matrix is expected"
                                .formatted(tensor.name(), tensor.shape()),
                        "save the adapter again, with the shards of its weights gathered");
            }
        }
        long rows = a.shape().getFirst();
        long columns = b.shape().getLast();
        if (rows != columns) {
            throw refused(
                    "holds '%s' with %d rows and '%s' with %d columns, and both are the rank"
                            .formatted(a.name(), rows, b.name(), columns),
                    "save the adapter again");
        }
        long rank = rank(module);
        if (isStacked(module) ? rows % rank != 0 : rows != rank) {
            throw refused(
                    "holds '%s' of rank %d, and the settings give '%s' the rank %d"
                            .formatted(a.name(), rows, module, rank),
                    "correct r or rank_pattern in adapter_config.json; the scale of the adapter depends on them");
        }
    }

    /// PEFT compares patterns with the name of the weight where target_parameters names the weight of a module.
    private long rank(String module) {
        if (isStacked(module)) {
            return ExpertKeys.parameter(module, modules.keySet(), config.targetParameters())
                    .map(config::rank)
                    .orElse(config.r());
        }
        String weight = module + ".weight";
        boolean isParameter =
                config.targetParameters().stream().anyMatch(name -> ModulePatterns.Named.matches(name, weight));
        return config.rank(isParameter ? weight : module);
    }

    private static boolean isStacked(String module) {
        return ExpertKeys.isStacked(module);
    }

    private static TensorEntry part(Map<Part, TensorEntry> parts, Part part) {
        return Objects.requireNonNull(parts.get(part));
    }

    private void requireFinite(TensorEntry tensor) {
        ElementReader reader = ElementReader.of(tensor.type())
                .orElseThrow(() -> refused(
                        "holds '%s' as %s, and F32, F16, BF16 or F64 is expected"
                                .formatted(tensor.name(), tensor.type()),
                        "save the adapter again in float32 or bfloat16"));
        MemorySegment bytes = file.bytes(tensor.name());
        long mask = reader.exponentMask();
        for (long from = 0; from < bytes.byteSize(); from += PIECE_BYTES) {
            ByteBuffer piece = bytes.asSlice(from, Math.min(PIECE_BYTES, bytes.byteSize() - from))
                    .asByteBuffer()
                    .order(ByteOrder.LITTLE_ENDIAN);
            for (int at = 0; at < piece.limit(); at += reader.bytes()) {
                if ((reader.bits(piece, at) & mask) == mask) {
                    throw refused(
                            "holds %s at element %d of '%s'"
                                    .formatted(reader.value(piece, at), (from + at) / reader.bytes(), tensor.name()),
                            "use an earlier checkpoint of the training run, from before its values left the range");
                }
            }
        }
    }

    private BowlineException refused(String problem, String fix) {
        return new BowlineException("%s %s".formatted(file.path(), problem), fix);
    }
}
