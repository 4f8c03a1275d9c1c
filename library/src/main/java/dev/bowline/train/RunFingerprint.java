package dev.bowline.train;

import dev.bowline.BowlineVersion;
import dev.bowline.data.PackedRow;
import dev.bowline.data.TrainingRows;
import dev.bowline.distributed.Fingerprint;
import dev.bowline.model.LanguageModel;
import dev.bowline.nn.Parameter;
import dev.bowline.recipe.EffectiveSettings;
import dev.bowline.recipe.RecipeFile;
import dev.bowline.tensor.LibtorchProcess;
import dev.bowline.tensor.Shapes;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// The facts of a run that every rank must have alike. Ranks that differ would exchange tensors of other sizes, which
/// ends the process, or train different models.
final class RunFingerprint {

    private RunFingerprint() {}

    /// The facts before the weights are loaded.
    static Fingerprint of(RecipeFile file, List<PackedRow> rows, Optional<Path> resumedFrom, RunRanks ranks) {
        Fingerprint plan = Fingerprint.empty()
                .with("the number of ranks", Integer.toString(ranks.count()))
                .with("the version of Bowline", BowlineVersion.current())
                .with("the number of threads", Integer.toString(LibtorchProcess.threads()))
                .with("the instructions of the processor", LibtorchProcess.instructions());
        for (EffectiveSettings.Setting setting : file.settings().settings()) {
            plan = plan.with(setting.key(), String.valueOf(setting.value().orElse("")));
        }
        return plan.with("the number of rows", Integer.toString(rows.size()))
                .with("the data", new TrainingRows(rows, TrainingRows.Order.AS_READ, 0).sha256())
                .with(
                        "the checkpoint to resume from",
                        resumedFrom.map(Path::toString).orElse("none"));
    }

    /// The parameters that are trained.
    static Fingerprint of(LanguageModel model) {
        Fingerprint plan = Fingerprint.empty();
        for (Map.Entry<String, Parameter> entry : model.trainable().entrySet()) {
            Parameter parameter = entry.getValue();
            plan = plan.with(entry.getKey(), parameter.dtype() + " " + Shapes.text(parameter.shape()));
        }
        return plan;
    }
}
