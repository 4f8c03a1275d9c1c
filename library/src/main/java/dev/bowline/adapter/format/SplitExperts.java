package dev.bowline.adapter.format;

import dev.bowline.adapter.format.AdapterKey.Part;
import dev.bowline.safetensors.SafetensorsType;
import dev.bowline.safetensors.TensorEntry;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.SequencedMap;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;

/// Experts as a linear each, as vLLM and transformers before 5 name them.
///
/// gate_proj and up_proj become one pair. Where their A are the same, the pair has the rank of both; where the A
/// differ, it has twice the rank, and B has a block for each.
final class SplitExperts implements ExpertReader {

    private final AdapterFiles files;
    private final BaseExperts base;

    /// Stacked weight, expert, projection: the linear's A and B.
    private final SequencedMap<String, SequencedMap<Long, Map<String, Linear>>> linears = new TreeMap<>();

    private record Linear(TensorEntry a, TensorEntry b) {}

    SplitExperts(AdapterFiles files, BaseExperts base) {
        this.files = files;
        this.base = base;
        files.keys().forEach((name, key) -> {
            if (key.part() == Part.LORA_A) {
                ExpertKeys.perExpert(key.module()).ifPresent(linear -> add(name, key.module(), linear));
            }
        });
    }

    private void add(String name, String module, ExpertKeys.PerExpert linear) {
        boolean isDown = linear.projection().equals(ExpertKeys.DOWN);
        String parameter = linear.experts() + "." + (isDown ? ExpertKeys.DOWN : ExpertKeys.GATE_UP);
        if (files.config().scale(module) != files.config().scale(parameter)) {
            throw ExpertReader.refused(
                    files,
                    "gives '%s' a rank or an alpha of its own, and the experts of one weight share them"
                            .formatted(module),
                    "merge the adapter with PEFT's merge_and_unload and use the merged model");
        }
        linears.computeIfAbsent(parameter, _ -> new TreeMap<>())
                .computeIfAbsent(linear.expert(), _ -> new TreeMap<>())
                .put(
                        linear.projection(),
                        new Linear(
                                Objects.requireNonNull(files.tensors().get(name)),
                                Objects.requireNonNull(files.tensors().get(name.replace("lora_A", "lora_B")))));
    }

    @Override
    public ExpertLayout layout() {
        return ExpertLayout.SPLIT;
    }

    @Override
    public SequencedMap<String, Set<String>> parameters() {
        SequencedMap<String, Set<String>> parameters = new TreeMap<>();
        linears.forEach((parameter, experts) -> {
            Set<String> keys = new TreeSet<>();
            experts.values()
                    .forEach(projections -> projections.values().forEach(linear -> {
                        keys.add(linear.a.name());
                        keys.add(linear.b.name());
                    }));
            parameters.put(parameter, keys);
        });
        return parameters;
    }

    @Override
    public ExpertPair pair(String parameter, Arena arena) {
        boolean isDown = parameter.endsWith(ExpertKeys.DOWN);
        List<String> projections = isDown ? List.of(ExpertKeys.DOWN) : List.of("gate_proj", "up_proj");
        List<List<Linear>> experts = complete(parameter, projections);
        List<Linear> first = experts.getFirst();
        long rank = first.getFirst().a.shape().getFirst();
        long in = first.getFirst().a.shape().getLast();
        long half = first.getFirst().b.shape().getFirst();
        requireSame(experts, rank, in, half);
        boolean shared = experts.stream().allMatch(this::isShared);
        long blocks = shared ? 1 : projections.size();
        SafetensorsType type = first.getFirst().a.type();
        long width = type.bytes();
        long out = half * projections.size();
        MemorySegment a = arena.allocate(experts.size() * blocks * rank * in * width, Long.BYTES);
        MemorySegment b = arena.allocate(experts.size() * out * blocks * rank * width, Long.BYTES);
        for (int expert = 0; expert < experts.size(); expert++) {
            for (int i = 0; i < projections.size(); i++) {
                Linear linear = experts.get(expert).get(i);
                long block = shared ? 0 : i;
                long bytesOfA = rank * in * width;
                a.asSlice((expert * blocks + block) * bytesOfA, bytesOfA).copyFrom(files.bytes(linear.a.name()));
                for (long row = 0; row < half; row++) {
                    long to = ((expert * out + i * half + row) * blocks + block) * rank * width;
                    MemorySegment.copy(files.bytes(linear.b.name()), row * rank * width, b, to, rank * width);
                }
            }
        }
        return ExpertReader.fitting(
                files, base, new ExpertPair(parameter, experts.size(), in, out, blocks * rank, type, a, b));
    }

    /// Every expert's linears, first expert first.
    private List<List<Linear>> complete(String parameter, List<String> projections) {
        SequencedMap<Long, Map<String, Linear>> found = Objects.requireNonNull(linears.get(parameter));
        List<List<Linear>> experts = new ArrayList<>();
        for (long expert = 0; expert <= found.lastEntry().getKey(); expert++) {
            Map<String, Linear> linear = found.getOrDefault(expert, Map.of());
            for (String projection : projections) {
                if (!linear.containsKey(projection)) {
                    throw ExpertReader.refused(
                            files,
                            "has no %s of expert %d for '%s', and has one of another expert"
                                    .formatted(projection, expert, parameter),
                            "save the adapter again; the file is not complete");
                }
            }
            experts.add(projections.stream()
                    .map(projection -> Objects.requireNonNull(linear.get(projection)))
                    .toList());
        }
        return experts;
    }

    private void requireSame(List<List<Linear>> experts, long rank, long in, long out) {
        SafetensorsType type = experts.getFirst().getFirst().a.type();
        for (List<Linear> expert : experts) {
            for (Linear linear : expert) {
                if (!linear.a.shape().equals(List.of(rank, in))
                        || !linear.b.shape().equals(List.of(out, rank))
                        || linear.a.type() != type
                        || linear.b.type() != type) {
                    throw ExpertReader.refused(
                            files,
                            "has '%s' %s and '%s' %s, and another expert [%d, %d] and [%d, %d] of %s"
                                    .formatted(
                                            linear.a.name(),
                                            linear.a.shape(),
                                            linear.b.name(),
                                            linear.b.shape(),
                                            rank,
                                            in,
                                            out,
                                            rank,
                                            type),
                            "merge the adapter with PEFT's merge_and_unload and use the merged model");
                }
            }
        }
    }

    private boolean isShared(List<Linear> expert) {
        return expert.stream()
                .allMatch(linear -> files.bytes(linear.a.name())
                                .mismatch(files.bytes(expert.getFirst().a.name()))
                        == -1);
    }
}
