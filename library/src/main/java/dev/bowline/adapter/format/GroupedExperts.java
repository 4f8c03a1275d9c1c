package dev.bowline.adapter.format;

import dev.bowline.safetensors.ElementReader;
import dev.bowline.safetensors.TensorEntry;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.LinkedHashSet;
import java.util.Optional;
import java.util.SequencedMap;
import java.util.Set;
import java.util.TreeMap;

/// Experts in the layout of NeMo AutoModel's grouped parameters: A `[experts, in, rank]`, B `[experts, rank,
/// out]`.
///
/// AutoModel multiplies `per_expert_scale` of Gemma 4 into down_proj when it loads a base, so B of down_proj is
/// divided by it here.
final class GroupedExperts implements ExpertReader {

    private final AdapterFiles files;
    private final BaseExperts base;

    GroupedExperts(AdapterFiles files, BaseExperts base) {
        this.files = files;
        this.base = base;
    }

    @Override
    public ExpertLayout layout() {
        return ExpertLayout.AUTOMODEL_GROUPED;
    }

    @Override
    public SequencedMap<String, Set<String>> parameters() {
        SequencedMap<String, Set<String>> parameters = new TreeMap<>();
        for (String key : files.tensors().keySet()) {
            ExpertKeys.grouped(key)
                    .ifPresent(grouped -> parameters
                            .computeIfAbsent(grouped.parameter(), _ -> new LinkedHashSet<>())
                            .add(key));
        }
        return parameters;
    }

    @Override
    public ExpertPair pair(String parameter, Arena arena) {
        TensorEntry a = tensor(parameter, true);
        TensorEntry b = tensor(parameter, false);
        if (a.shape().size() != 3
                || b.shape().size() != 3
                || a.type() != b.type()
                || !a.shape().getFirst().equals(b.shape().getFirst())
                || !a.shape().getLast().equals(b.shape().get(1))) {
            throw ExpertReader.refused(
                    files,
                    "has '%s' %s and '%s' %s; [experts, in, rank] and [experts, rank, out] are expected"
                            .formatted(a.name(), a.shape(), b.name(), b.shape()),
                    "save the adapter again");
        }
        long experts = a.shape().getFirst();
        long in = a.shape().get(1);
        long rank = a.shape().getLast();
        long out = b.shape().getLast();
        int size = a.type().bytes();
        MemorySegment copyOfB = Permutation.of(new long[] {experts, out, rank}, rank * out, 1, out)
                .copy(files.bytes(b.name()), size, arena);
        if (parameter.endsWith(ExpertKeys.DOWN) && ExpertKeys.isGemma4(a.name())) {
            divide(parameter, copyOfB, b);
        }
        return ExpertReader.fitting(
                files,
                base,
                new ExpertPair(
                        parameter,
                        experts,
                        in,
                        out,
                        rank,
                        a.type(),
                        Permutation.of(new long[] {experts, rank, in}, in * rank, 1, rank)
                                .copy(files.bytes(a.name()), size, arena),
                        copyOfB));
    }

    private TensorEntry tensor(String parameter, boolean isA) {
        ExpertKeys.Grouped wanted = new ExpertKeys.Grouped(parameter, isA);
        return files.tensors().values().stream()
                .filter(tensor -> ExpertKeys.grouped(tensor.name()).equals(Optional.of(wanted)))
                .findFirst()
                .orElseThrow(() -> ExpertReader.refused(
                        files, "lacks %s of '%s'".formatted(isA ? "A" : "B", parameter), "save the adapter again"));
    }

    private void divide(String parameter, MemorySegment b, TensorEntry tensor) {
        String experts = parameter.substring(0, parameter.lastIndexOf('.'));
        double[] scale = base.outputScale(experts)
                .orElseThrow(() -> ExpertReader.refused(
                        files,
                        "has '%s', which AutoModel trained on down_proj times the router's per_expert_scale"
                                .formatted(tensor.name()),
                        "name the base model, which has the values of per_expert_scale"));
        long perExpert = tensor.elements() / tensor.shape().getFirst();
        if (scale.length != tensor.shape().getFirst()) {
            throw ExpertReader.refused(
                    files,
                    "has %d experts in '%s', and the base has %d"
                            .formatted(tensor.shape().getFirst(), tensor.name(), scale.length),
                    "use the adapter with the model that it was trained on");
        }
        for (int expert = 0; expert < scale.length; expert++) {
            if (scale[expert] == 0) {
                throw ExpertReader.refused(
                        files,
                        "changes expert %d of '%s', whose per_expert_scale is 0 in the base".formatted(expert, experts),
                        "merge the adapter with the program that trained it");
            }
            for (long i = 0; i < perExpert; i++) {
                divide(b, expert * perExpert + i, tensor, scale[expert]);
            }
        }
    }

    private static void divide(MemorySegment values, long index, TensorEntry tensor, double divisor) {
        ElementReader reader = ElementReader.of(tensor.type()).orElseThrow();
        MemorySegment element = values.asSlice(index * reader.bytes(), reader.bytes());
        double quotient = reader.value(element.asByteBuffer().order(ByteOrder.LITTLE_ENDIAN), 0) / divisor;
        switch (reader) {
            case F64 -> element.set(ValueLayout.JAVA_DOUBLE_UNALIGNED, 0, quotient);
            case F32 -> element.set(ValueLayout.JAVA_FLOAT_UNALIGNED, 0, (float) quotient);
            case F16 -> element.set(ValueLayout.JAVA_SHORT_UNALIGNED, 0, Float.floatToFloat16((float) quotient));
            case BF16 ->
                element.set(ValueLayout.JAVA_SHORT_UNALIGNED, 0, (short)
                        (Float.floatToRawIntBits((float) reader.round(quotient)) >>> 16));
        }
    }
}
