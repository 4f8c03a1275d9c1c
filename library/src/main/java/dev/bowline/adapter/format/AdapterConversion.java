package dev.bowline.adapter.format;

import dev.bowline.BowlineException;
import dev.bowline.files.AtomicDirectory;
import dev.bowline.json.JsonObject;
import dev.bowline.safetensors.TensorEntry;
import dev.bowline.safetensors.TensorSource;
import dev.bowline.safetensors.WeightFiles;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/// Writes an adapter anew in the layout of PEFT 0.19 and later, from the layout of another program or of an
/// older PEFT.
public final class AdapterConversion {

    /// The result of a conversion.
    ///
    /// @param layout of the experts in the source; empty for an adapter without experts
    /// @param tensorsRead all tensors of the source; the target has each, unchanged or within a stacked
    ///     weight
    /// @param stackedWeights the weights of experts that the adapter changes
    /// @param identity the base that the target records; empty without a base
    public record Converted(
            Path source,
            Path target,
            Optional<ExpertLayout> layout,
            int tensorsRead,
            int tensorsWritten,
            int stackedWeights,
            Optional<BaseIdentity> identity) {}

    private final AdapterFiles files;
    private final Optional<WeightFiles> base;
    private final StackedExperts experts;
    private final Optional<BaseIdentity> identity;

    private AdapterConversion(AdapterFiles files, Optional<WeightFiles> base) {
        this.files = files;
        this.base = base;
        experts = StackedExperts.of(files, base.map(BaseExperts::of).orElse(BaseExperts.unknown()));
        identity = base.map(BaseIdentity::of);
    }

    /// @param target absent or empty
    /// @throws BowlineException for an adapter that [AdapterFiles#open] refuses, for experts whose layout the
    ///     file leaves open, and for a base that the adapter does not fit; nothing is written then
    public static Converted convert(Path source, Path target) {
        AtomicDirectory.requireFree(target);
        try (AdapterFiles files = AdapterFiles.open(source)) {
            return new AdapterConversion(files, Optional.empty()).write(target);
        }
    }

    /// The same with the base, whose shapes and expert scales tell layouts that the adapter leaves open.
    ///
    /// @param base the directory of the base model
    public static Converted convert(Path source, Path target, Path base) {
        AtomicDirectory.requireFree(target);
        try (AdapterFiles files = AdapterFiles.open(source);
                WeightFiles weights = WeightFiles.open(base)) {
            AdapterConversion conversion = new AdapterConversion(files, Optional.of(weights));
            conversion.requireRecordedBase();
            conversion.requireWeights(weights);
            BaseShapes.require(files, conversion.experts.keys(), weights);
            return conversion.write(target);
        }
    }

    private void requireRecordedBase() {
        if (files.record().isPresent() && identity.isPresent()) {
            files.record().get().requireBase(files.directory().toString(), identity.get());
        }
    }

    private void requireWeights(WeightFiles weights) {
        BaseExperts known = BaseExperts.of(weights);
        for (String parameter : experts.parameters()) {
            if (known.shape(parameter).isEmpty()) {
                throw ExpertReader.refused(
                        files,
                        "changes '%s', which the base %s does not have".formatted(parameter, weights.directory()),
                        "name the base model that the adapter was trained on");
            }
        }
    }

    private Converted write(Path target) {
        try (Arena arena = Arena.ofConfined()) {
            List<ExpertPair> pairs = experts.pairs(arena);
            List<TensorSource> tensors = tensors(pairs, arena);
            JsonObject settings = new ConvertedSettings(files, experts, base).json(pairs);
            Optional<AdapterRecord> record = record();
            AtomicDirectory.write(target, AdapterFiles.bytes(settings, tensors), aside -> {
                AdapterFiles.create(aside, settings, record, tensors);
                requireSame(aside, pairs, tensors);
            });
            return new Converted(
                    files.directory(),
                    target,
                    experts.layout(),
                    files.tensors().size(),
                    tensors.size(),
                    pairs.size(),
                    record.map(AdapterRecord::identity));
        }
    }

    private Optional<AdapterRecord> record() {
        return identity.map(found -> AdapterRecord.of(
                        ConvertedSettings.base(files.json())
                                .orElseGet(() -> base.orElseThrow().directory().toString()),
                        found,
                        files.config().tieMode()))
                .or(files::record);
    }

    private List<TensorSource> tensors(List<ExpertPair> pairs, Arena arena) {
        List<TensorSource> tensors = new ArrayList<>();
        Set<String> ofExperts = experts.keys();
        for (String key : files.tensors().keySet()) {
            if (!ofExperts.contains(key)) {
                TensorSource source = files.source(key);
                tensors.add(new TensorSource(
                        ExpertKeys.inTransformers(key), source.type(), source.shape(), source.content()));
            }
        }
        Set<String> parameters = experts.parameters();
        for (ExpertPair pair : pairs) {
            tensors.addAll(pair.toPeft(ExpertKeys.wrapper(pair.parameter(), parameters), arena));
        }
        tensors.sort(Comparator.comparing(TensorSource::name));
        return tensors;
    }

    /// Reads the new adapter before its directory has its name.
    private void requireSame(Path written, List<ExpertPair> pairs, List<TensorSource> tensors) {
        try (AdapterFiles again = AdapterFiles.open(written);
                Arena arena = Arena.ofConfined()) {
            StackedExperts found =
                    StackedExperts.of(again, base.map(BaseExperts::of).orElse(BaseExperts.unknown()));
            boolean isSame = again.tensors().size() == tensors.size()
                    && found.parameters().equals(experts.parameters())
                    && isSame(pairs, found.pairs(arena));
            for (TensorSource tensor : tensors) {
                TensorEntry entry = again.tensors().get(tensor.name());
                isSame &= entry != null && entry.shape().equals(tensor.shape()) && entry.type() == tensor.type();
            }
            if (!isSame) {
                throw new BowlineException(
                        "%s was written, and reads back with other values".formatted(written), "check the disk");
            }
        }
    }

    private static boolean isSame(List<ExpertPair> pairs, List<ExpertPair> found) {
        if (pairs.size() != found.size()) {
            return false;
        }
        for (int i = 0; i < pairs.size(); i++) {
            if (pairs.get(i).a().mismatch(found.get(i).a()) != -1
                    || pairs.get(i).b().mismatch(found.get(i).b()) != -1) {
                return false;
            }
        }
        return true;
    }
}
