package dev.bowline.adapter;

import dev.bowline.BowlineException;
import dev.bowline.adapter.format.AdapterFiles;
import dev.bowline.adapter.format.AdapterRecord;
import dev.bowline.adapter.format.BaseIdentity;
import dev.bowline.adapter.format.LoraConfig;
import dev.bowline.model.LanguageModel;
import dev.bowline.nn.Slot;
import dev.bowline.safetensors.TensorEntry;
import dev.bowline.tensor.TensorScope;
import java.nio.file.Path;
import java.util.Optional;
import java.util.function.Supplier;
import org.bytedeco.pytorch.NoGradGuard;

/// The contents of an adapter's files, and its fit with a base model.
///
/// @param summary the modules that the adapter changes
/// @param config the settings
/// @param bytes of the tensors in the file
/// @param zeroMatrices the matrices A and B that are all zero: their modules do not change
/// @param base the comparison of the base with the record of the adapter
public record AdapterInspection(
        String name,
        Path directory,
        AdapterSummary summary,
        LoraConfig config,
        long bytes,
        long zeroMatrices,
        Optional<AdapterRecord> record,
        BaseMatch base) {

    /// The comparison of a base with the base that an adapter was trained on.
    public sealed interface BaseMatch {

        /// Every tensor has the same bytes.
        record Same() implements BaseMatch {}

        /// The adapter has no record of its base, so only names and shapes were compared.
        record NotRecorded() implements BaseMatch {}

        /// @param problem names the first tensor that differs
        record Other(String problem, String fix) implements BaseMatch {}
    }

    /// Attaches the adapter to `model`.
    ///
    /// @param name of the adapter in `model`
    /// @param model the base, which may have no values
    /// @param base reads the base's weights, if the adapter has a record
    /// @throws BowlineException if the adapter does not fit the model
    public static AdapterInspection of(
            String name, AdapterFiles files, LanguageModel model, Supplier<BaseIdentity> base) {
        Adapter adapter = Adapters.of(model).attach(name, files);
        long zeroMatrices = 0;
        try (NoGradGuard _ = new NoGradGuard();
                TensorScope _ = TensorScope.open()) {
            for (Slot slot : adapter.slots().values()) {
                boolean isMatrix = slot.path().contains(".lora_A")
                        || slot.path().contains(".lora_B")
                        || slot.path().contains(".lora_embedding_");
                if (isMatrix && slot.tensor().count_nonzero().item_long() == 0) {
                    zeroMatrices++;
                }
            }
        }
        return new AdapterInspection(
                name,
                files.directory(),
                AdapterSummary.of(model, adapter.modules()),
                files.config(),
                files.tensors().values().stream().mapToLong(TensorEntry::bytes).sum(),
                zeroMatrices,
                files.record(),
                match(files, base));
    }

    private static BaseMatch match(AdapterFiles files, Supplier<BaseIdentity> base) {
        if (files.record().isEmpty()) {
            return new BaseMatch.NotRecorded();
        }
        try {
            files.record().get().requireBase(files.directory().toString(), base.get());
            return new BaseMatch.Same();
        } catch (BowlineException e) {
            return new BaseMatch.Other(e.problem(), e.fix());
        }
    }
}
