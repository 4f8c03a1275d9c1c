package dev.bowline.model.decoder;

import dev.bowline.json.JsonObject;
import dev.bowline.model.Component;
import dev.bowline.model.ConfigFindings;
import dev.bowline.model.LanguageModel;
import dev.bowline.statedict.WeightRule;
import dev.bowline.ties.TieFlag;
import dev.bowline.ties.TieSupport;
import java.util.List;

/// What one model class declares. Its implementations are the constants of a family's enum.
public interface DecoderFamily {

    /// As in `architectures` of config.json.
    String architectureName();

    /// The base class, whose weights have no head; as in `architectures` of config.json.
    default String baseName() {
        return architectureName().replaceFirst("For(CausalLM|ConditionalGeneration)$", "Model");
    }

    /// As in `model_type` of config.json.
    String modelType();

    /// Which heads are trained and tested against the reference.
    TieSupport tieSupport();

    /// What the class assumes when config.json has no tie flag at any level.
    TieFlag.ClassDefault tieDefault();

    /// Where the decoder's tensors are: `model`, or `model.language_model` where a vision tower stands beside it.
    default String decoderPath() {
        return "model";
    }

    /// @param config the original config.json
    /// @param findings takes the keys that are not used
    /// @throws dev.bowline.BowlineException naming a feature that is not built
    DecoderConfig read(JsonObject config, ConfigFindings findings);

    /// How checkpoints' tensor names differ from the slots' names.
    default List<WeightRule> weightRules(DecoderConfig config) {
        return List.of();
    }

    /// What a parameter is filled with when the model is not loaded.
    Fresh fresh(String parameter);

    /// Which part of the model a tensor belongs to.
    default Component component(String tensor) {
        return DecoderComponents.of(tensor);
    }

    /// Builds the model without values: load a checkpoint into it, or initialise it.
    ///
    /// @param config the original config.json
    default LanguageModel build(JsonObject config) {
        return new DecoderModel(this, config);
    }
}
