package dev.bowline.catalog;

import dev.bowline.audit.evidence.BowlineLoad;
import dev.bowline.checkpoint.Checkpoint;
import dev.bowline.checkpoint.CheckpointLoader;
import dev.bowline.checkpoint.LoadReport;
import dev.bowline.json.JsonObject;
import dev.bowline.model.LanguageModel;
import dev.bowline.safetensors.WrapperName;
import java.util.Optional;
import java.util.SequencedSet;

/// Answers audits for [AutoModel#fromPretrained(java.nio.file.Path)]: builds the model without values and asks
/// the code that decides a load. Loads no native library.
public record AutoModelLoad() implements BowlineLoad {

    @Override
    public boolean builds(JsonObject config) {
        return Families.find(config).isPresent();
    }

    @Override
    public Optional<WrapperName> wrapper(JsonObject config, SequencedSet<String> names) {
        try (LanguageModel model = AutoModel.build(config)) {
            return CheckpointLoader.wrapper(model, names);
        }
    }

    @Override
    public Answer answer(Question question) {
        try (Checkpoint checkpoint = Checkpoint.ofHeaders(
                        question.directory(), question.config(), question.index(), question.headers());
                LanguageModel model = AutoModel.build(question.config())) {
            LoadReport.HeadVerdict verdict =
                    CheckpointLoader.forecast(checkpoint, model, question.comparison()::isSame);
            return new Answer(verdict.flag(), verdict.bytes(), verdict.plan());
        }
    }
}
