package dev.bowline.model;

import dev.bowline.json.JsonObject;
import dev.bowline.model.decoder.DecoderConfig;
import dev.bowline.statedict.WeightRule;
import dev.bowline.ties.TieFlag;
import dev.bowline.ties.TieSupport;
import java.util.List;

/// The declaration of one model class. The constants of a family's enum implement it.
public interface ModelFamily {

    /// As in `architectures` of config.json.
    String architectureName();

    /// The base class, whose weights have no head; as in `architectures` of config.json.
    default String baseName() {
        return architectureName().replaceFirst("For(CausalLM|ConditionalGeneration)$", "Model");
    }

    /// As in `model_type` of config.json.
    String modelType();

    /// The heads that are trained and tested against the reference.
    TieSupport tieSupport();

    /// The head of a config.json that has no tie flag at any level.
    TieFlag.ClassDefault tieDefault();

    /// The path of the decoder's tensors: `model`, or `model.language_model` in a class that also has a vision
    /// tower.
    default String decoderPath() {
        return "model";
    }

    /// @param config the original config.json
    /// @param findings takes the keys that are not used
    /// @throws dev.bowline.BowlineException naming a feature that is not built
    DecoderConfig read(JsonObject config, ConfigFindings findings);

    /// The differences between checkpoints' tensor names and the slots' names.
    default List<WeightRule> weightRules(DecoderConfig config) {
        return List.of();
    }

    /// Builds the model without values: load a checkpoint into it, or initialise it.
    ///
    /// @param config the original config.json
    default LanguageModel build(JsonObject config) {
        return new LanguageModel(this, config);
    }
}
