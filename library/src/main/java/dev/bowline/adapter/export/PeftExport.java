package dev.bowline.adapter.export;

import dev.bowline.adapter.format.AdapterFiles;
import dev.bowline.adapter.format.AdapterKey;
import dev.bowline.adapter.format.AdapterRecord;
import dev.bowline.adapter.format.ExpertPair;
import dev.bowline.adapter.format.LoraConfig;
import dev.bowline.adapter.format.ModulePatterns;
import dev.bowline.adapter.format.TargetNames;
import dev.bowline.safetensors.TensorEntry;
import dev.bowline.safetensors.TensorSource;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.TreeSet;

/// An adapter in the layout of PEFT 0.21, with the names of the base's class. Values keep their bytes.
final class PeftExport {

    private final SourceAdapter source;
    private final ExportBase base;
    private final List<TensorSource> tensors = new ArrayList<>();
    private final Set<String> linears = new TreeSet<>();
    private boolean isRenamed;

    private PeftExport(SourceAdapter source, ExportBase base) {
        this.source = source;
        this.base = base;
    }

    static Exported of(SourceAdapter source, ExportBase base, AdapterRecord record, Arena arena) {
        return new PeftExport(source, base).exported(record, arena);
    }

    private Exported exported(AdapterRecord record, Arena arena) {
        source.files().keys().forEach((name, key) -> {
            if (!source.experts().keys().contains(name)) {
                add(name, key);
            }
        });
        List<ExpertPair> pairs = source.deltas().stream()
                .filter(Delta.OfExperts.class::isInstance)
                .map(delta -> ((Delta.OfExperts) delta).pair())
                .toList();
        Set<String> parameters = new TreeSet<>();
        for (ExpertPair pair : pairs) {
            String parameter = named(pair.parameter());
            parameters.add(parameter);
            tensors.addAll(pair.toPeft(wrapper(pair, pairs, parameter), arena));
        }
        LoraConfig config = config(parameters, source.experts().config(pairs));
        long bytes = tensors.stream().mapToLong(TensorSource::bytes).sum();
        return new Exported(
                tensors.size(),
                bytes,
                0,
                List.of(),
                directory -> AdapterFiles.create(directory, config, record, tensors));
    }

    private void add(String name, AdapterKey key) {
        String module = named(key.module());
        if (key.part() == AdapterKey.Part.LORA_A || key.part() == AdapterKey.Part.EMBEDDING_A) {
            linears.add(module);
        }
        String end = name.substring(name.indexOf(key.module()) + key.module().length());
        TensorEntry entry = Objects.requireNonNull(source.files().tensors().get(name));
        tensors.add(new TensorSource(
                AdapterKey.PREFIX + module + end,
                entry.type(),
                entry.shape(),
                source.files().bytes(name)));
    }

    /// The base's own name of a module or of a stacked weight.
    private String named(String module) {
        String named = base.modules().named(module).orElse(module);
        isRenamed |= !named.equals(module);
        return named;
    }

    /// PEFT wraps a module once per weight; gate_up_proj is inside if both are adapted.
    private static String wrapper(ExpertPair pair, List<ExpertPair> pairs, String parameter) {
        String own = pair.parameter();
        String experts = own.substring(0, own.lastIndexOf('.') + 1);
        boolean isInner = own.endsWith("gate_up_proj")
                && pairs.stream().anyMatch(other -> other.parameter().equals(experts + "down_proj"));
        String wrapper = parameter.substring(0, parameter.lastIndexOf('.'));
        return isInner ? wrapper + ".base_layer" : wrapper;
    }

    /// Patterns of other names select nothing in the base, so the targets are written anew.
    private LoraConfig config(Set<String> parameters, LoraConfig config) {
        boolean isOtherLayout =
                !parameters.isEmpty() && config.targetParameters().isEmpty();
        if (!isRenamed && !isOtherLayout) {
            return config;
        }
        List<String> names = TargetNames.shortest(linears, base.modules().names());
        List<String> experts = parameters.stream()
                .map(PeftExport::ending)
                .distinct()
                .sorted(Comparator.reverseOrder())
                .toList();
        return config.withTargetModules(new ModulePatterns.Named(names)).withTargetParameters(experts);
    }

    /// The last two names, such as `experts.down_proj`.
    private static String ending(String parameter) {
        return parameter.substring(parameter.lastIndexOf('.', parameter.lastIndexOf('.') - 1) + 1);
    }
}
