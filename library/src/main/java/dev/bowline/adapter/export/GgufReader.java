package dev.bowline.adapter.export;

import dev.bowline.BowlineException;
import dev.bowline.adapter.format.AdapterKey;
import dev.bowline.adapter.format.LoraConfig;
import dev.bowline.adapter.format.ModuleName;
import dev.bowline.adapter.format.ModulePatterns;
import dev.bowline.gguf.GgufArchitecture;
import dev.bowline.gguf.GgufPart;
import dev.bowline.gguf.GgufType;
import dev.bowline.gguf.GgufValue;
import dev.bowline.gguf.MappedGguf;
import dev.bowline.json.JsonObject;
import dev.bowline.safetensors.SafetensorsType;
import dev.bowline.safetensors.TensorSource;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.SequencedMap;
import java.util.Set;
import java.util.TreeSet;

/// Reads a GGUF adapter as llama.cpp applies it: the delta of a weight is alpha / rank · B A, with the rank of its
/// tensors.
final class GgufReader {

    private static final String FIRST = ".lora_a";
    private static final String SECOND = ".lora_b";

    private final Path path;
    private final MappedGguf file;
    private final ExportBase base;
    private final BaseNames names;

    /// A weight of the file with its place in a module of the base.
    private record Placed(GgufPart part, Matrix a, Matrix b) {}

    private GgufReader(Path path, MappedGguf file, ExportBase base, BaseNames names) {
        this.path = path;
        this.file = file;
        this.base = base;
        this.names = names;
    }

    /// @param file open as long as the result is used
    static ReadBack of(Path path, MappedGguf file, ExportBase base, BaseNames names) {
        return new GgufReader(path, file, base, names).read();
    }

    private ReadBack read() {
        GgufArchitecture architecture = architecture();
        SequencedMap<String, List<Placed>> modules = new LinkedHashMap<>();
        Set<String> unknown = new TreeSet<>(file.tensors().keySet());
        for (String module : names.modules()) {
            for (GgufPart part : architecture.parts(module)) {
                if (unknown.remove(part.name() + FIRST) && unknown.remove(part.name() + SECOND)) {
                    modules.computeIfAbsent(module, _ -> new ArrayList<>())
                            .add(new Placed(part, matrix(part.name() + FIRST), matrix(part.name() + SECOND)));
                }
            }
        }
        if (!unknown.isEmpty()) {
            throw refused("has '%s', which is no pair of lora_a and lora_b for a weight of the base's architecture '%s'"
                    .formatted(unknown.iterator().next(), architecture.text()));
        }
        int rank = modules.values().stream().mapToInt(GgufReader::rank).max().orElse(0);
        List<TensorSource> tensors = new ArrayList<>();
        Set<String> targets = new TreeSet<>();
        modules.forEach((module, parts) -> {
            targets.add(ModuleName.last(module));
            tensors.addAll(pair(module, parts, rank));
        });
        LoraConfig config =
                LoraConfig.of(Math.max(1, rank), Math.max(1, rank), new ModulePatterns.Named(List.copyOf(targets)));
        return new ReadBack(config, tensors, List.of());
    }

    /// The parts of a weight whose rows are several weights in the file have an A each.
    private static int rank(List<Placed> parts) {
        return parts.stream().mapToInt(part -> part.b.columns()).sum();
    }

    private GgufArchitecture architecture() {
        GgufArchitecture architecture = GgufArchitecture.of(base.className())
                .orElseThrow(
                        () -> refused("cannot be read for %s: no architecture of llama.cpp is known for its class %s"
                                .formatted(base.directory(), base.className())));
        requireText("general.type", "adapter");
        requireText("adapter.type", "lora");
        requireText("general.architecture", architecture.text());
        return architecture;
    }

    private void requireText(String key, String expected) {
        Optional<GgufValue> value = Optional.ofNullable(file.metadata().get(key));
        if (!value.equals(Optional.of(new GgufValue.Text(expected)))) {
            String found = value.map(each -> each instanceof GgufValue.Text(String text) ? text : "no text")
                    .orElse("absent");
            throw refused("has the %s '%s', and an adapter of the base has '%s'".formatted(key, found, expected));
        }
    }

    private Matrix matrix(String name) {
        MappedGguf.Tensor tensor = Objects.requireNonNull(file.tensors().get(name));
        if (tensor.shape().size() != 2) {
            throw refused("has '%s' of shape %s, which is no matrix".formatted(name, tensor.shape()));
        }
        Matrix matrix = Matrix.of(
                tensor.bytes(),
                type(tensor.type()),
                tensor.shape().getFirst(),
                tensor.shape().getLast());
        for (float value : matrix.values().get()) {
            if (!Float.isFinite(value)) {
                throw refused("has values in '%s' that are not finite numbers".formatted(name));
            }
        }
        return matrix;
    }

    private static SafetensorsType type(GgufType type) {
        return switch (type) {
            case F32 -> SafetensorsType.F32;
            case F16 -> SafetensorsType.F16;
            case BF16 -> SafetensorsType.BF16;
        };
    }

    private List<TensorSource> pair(String module, List<Placed> parts, int rank) {
        boolean isTable = parts.getFirst().part.name().equals("token_embd.weight");
        List<Placed> turned = isTable
                ? List.of(new Placed(parts.getFirst().part, parts.getFirst().a.transposed(), parts.getFirst().b))
                : parts;
        turned.forEach(part -> requireShape(module, part, isTable));
        Matrix a = firsts(turned).withRows(rank);
        Matrix b = seconds(turned).withColumns(rank);
        String key = AdapterKey.PREFIX + module;
        return isTable
                ? List.of(source(key + ".lora_embedding_A", a), source(key + ".lora_embedding_B", b))
                : List.of(source(key + ".lora_A.weight", a), source(key + ".lora_B.weight", b));
    }

    private static TensorSource source(String key, Matrix matrix) {
        return new TensorSource(key, SafetensorsType.F32, matrix.shape(), matrix.bytes());
    }

    private void requireShape(String module, Placed placed, boolean isTable) {
        long out = (long) placed.b.rows() * placed.part.parts();
        List<Long> change = isTable ? List.of((long) placed.a.columns(), out) : List.of(out, (long) placed.a.columns());
        List<Long> shape =
                base.modules().named(module).flatMap(base.modules()::shape).orElse(change);
        if (placed.a.rows() != placed.b.columns() || !shape.equals(change)) {
            throw refused("has '%s' with lora_a %s and lora_b %s, and the weight of the base is %s"
                    .formatted(placed.part.name(), placed.a.shape(), placed.b.shape(), shape));
        }
    }

    /// A of every part, one after the other.
    private static Matrix firsts(List<Placed> parts) {
        int columns = parts.getFirst().a.columns();
        return new Matrix(rank(parts), columns, () -> {
            float[] all = new float[rank(parts) * columns];
            int at = 0;
            for (Placed part : parts) {
                float[] own = part.a.values().get();
                System.arraycopy(own, 0, all, at, own.length);
                at += own.length;
            }
            return all;
        });
    }

    /// B of every part, scaled, in its own rows of the module's weight and its own columns.
    private Matrix seconds(List<Placed> parts) {
        JsonObject text = base.textConfig();
        long queryHeads = text.requireLong("num_attention_heads");
        long keyHeads = text.optionalLong("num_key_value_heads").orElse(queryHeads);
        int rank = rank(parts);
        int rows = parts.getFirst().b.rows() * parts.getFirst().part.parts();
        return new Matrix(rows, rank, () -> {
            float[] all = new float[rows * rank];
            int first = 0;
            for (Placed part : parts) {
                Matrix b = part.b.times(scale(part.b.columns()));
                float[] own = b.values().get();
                for (int row = 0; row < b.rows(); row++) {
                    int to = Math.toIntExact(part.part.sourceRow(row, b.rows(), queryHeads, keyHeads));
                    System.arraycopy(own, row * b.columns(), all, to * rank + first, b.columns());
                }
                first += b.columns();
            }
            return all;
        });
    }

    /// llama.cpp takes an absent alpha, or 0, as the rank.
    private double scale(int rank) {
        double alpha = file.metadata().get("adapter.lora.alpha") instanceof GgufValue.Real(float value) ? value : 0;
        return alpha == 0 ? 1 : alpha / rank;
    }

    private BowlineException refused(String problem) {
        return new BowlineException("%s %s".formatted(path, problem), "export the adapter again, for this base");
    }
}
