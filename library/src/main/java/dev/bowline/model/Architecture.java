package dev.bowline.model;

import dev.bowline.json.JsonObject;
import dev.bowline.model.decoder.DecoderConfig;
import dev.bowline.statedict.WeightRule;
import dev.bowline.ties.TieFlag;
import dev.bowline.ties.TieSupport;
import java.util.List;
import java.util.Set;
import java.util.function.Function;

/// One model class, declared. A family's package has a constant per class.
///
/// @param name as in `architectures` of config.json
/// @param base the class of the same weights without a head, as in `architectures` of config.json
/// @param modelType as in `model_type` of config.json
/// @param tieSupport the heads that are trained and tested against the reference
/// @param tieDefault the head of a config.json that has no tie flag at any level
/// @param level the level of config.json that describes the decoder
/// @param reader reads that level
/// @param unread the treatment of keys that the reader did not ask for
/// @param weightRules the differences between checkpoints' tensor names and the slots' names
public record Architecture(
        String name,
        String base,
        String modelType,
        TieSupport tieSupport,
        TieFlag.ClassDefault tieDefault,
        Level level,
        Reader reader,
        Unread unread,
        Function<DecoderConfig, List<WeightRule>> weightRules) {

    /// The level of config.json that describes the decoder, and the place of the decoder's tensors in a state
    /// dict.
    public enum Level {
        /// config.json itself; the tensors are below `model`.
        TOP("model"),
        /// `text_config`; the tensors are below `model.language_model`. An absent object has the defaults of
        /// the class.
        TEXT_CONFIG("model.language_model"),
        /// Like [#TEXT_CONFIG], but an absent object is an error.
        REQUIRED_TEXT_CONFIG("model.language_model");

        private final String decoderPath;

        Level(String decoderPath) {
            this.decoderPath = decoderPath;
        }
    }

    /// Reads the keys of a class, with the defaults of its config class in transformers.
    @FunctionalInterface
    public interface Reader {

        /// @throws dev.bowline.BowlineException naming a value that is not supported
        DecoderConfig read(ConfigReader keys);
    }

    /// The treatment of a key that changes the computation and that the reader did not ask for.
    public sealed interface Unread {

        /// Refused where the class in transformers reads the key, noted where the class ignores it.
        ///
        /// @param used the keys that this class reads, in addition to those of every class
        record AsInTransformers(Set<String> used) implements Unread {
            public AsInTransformers {
                used = Set.copyOf(used);
            }
        }

        /// Refused, because the class comes with code of its own that was not measured.
        record Refused() implements Unread {}
    }

    /// A class whose config.json is the decoder's, that has both heads, and whose tensors have the slots' names.
    public static Architecture of(String name, String modelType, TieFlag.ClassDefault tieDefault, Reader reader) {
        return new Architecture(
                name,
                name.replaceFirst("For(CausalLM|ConditionalGeneration)$", "Model"),
                modelType,
                TieSupport.BOTH,
                tieDefault,
                Level.TOP,
                reader,
                new Unread.AsInTransformers(Set.of()),
                _ -> List.of());
    }

    public Architecture withBase(String other) {
        return new Architecture(name, other, modelType, tieSupport, tieDefault, level, reader, unread, weightRules);
    }

    public Architecture with(TieSupport heads) {
        return new Architecture(name, base, modelType, heads, tieDefault, level, reader, unread, weightRules);
    }

    public Architecture at(Level other) {
        return new Architecture(name, base, modelType, tieSupport, tieDefault, other, reader, unread, weightRules);
    }

    /// Refuses keys that the class reads in transformers and that Bowline does not build.
    public Architecture refusing(String... used) {
        return with(new Unread.AsInTransformers(Set.of(used)));
    }

    public Architecture with(Unread other) {
        return new Architecture(name, base, modelType, tieSupport, tieDefault, level, reader, other, weightRules);
    }

    public Architecture with(List<WeightRule> rules) {
        return with(_ -> rules);
    }

    public Architecture with(Function<DecoderConfig, List<WeightRule>> rules) {
        return new Architecture(name, base, modelType, tieSupport, tieDefault, level, reader, unread, rules);
    }

    /// True if a config.json names this class or its base class.
    public boolean isNamed(String architecture) {
        return name.equals(architecture) || base.equals(architecture);
    }

    /// The path of the decoder's tensors in a state dict.
    public String decoderPath() {
        return level.decoderPath;
    }

    /// Reads the decoder's declaration.
    ///
    /// @param config the original config.json
    /// @param findings takes the keys that are not used
    /// @throws dev.bowline.BowlineException naming a feature that is not built
    public DecoderConfig read(JsonObject config, ConfigFindings findings) {
        ConfigReader keys = new ConfigReader(config, text(config, findings), findings);
        DecoderConfig declared = reader.read(keys);
        keys.settleUnread(name, unread);
        return declared;
    }

    private JsonObject text(JsonObject config, ConfigFindings findings) {
        if (level == Level.TOP) {
            return config;
        }
        new ConfigReader(config, config, findings).settleUnread(name, unread);
        return level == Level.REQUIRED_TEXT_CONFIG
                ? config.requireObject("text_config")
                : config.optionalObject("text_config").orElseGet(JsonObject::of);
    }

    /// Builds the model without values: load a checkpoint into it, or initialise it.
    ///
    /// @param config the original config.json
    public LanguageModel build(JsonObject config) {
        return new LanguageModel(this, config);
    }
}
