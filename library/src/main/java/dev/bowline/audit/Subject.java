package dev.bowline.audit;

import dev.bowline.json.JsonObject;
import dev.bowline.ties.TieSupport;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.SequencedMap;

/// Everything the rules look at, computed once.
///
/// @param config an empty object when there is no config.json
/// @param flags the flag at every level that exists
/// @param load Bowline's own load, where whoever asked brought it along
record Subject(
        SourceFiles files,
        JsonObject config,
        List<FlagAt> flags,
        SequencedMap<String, PlacedTensor> tensors,
        TiePair pair,
        PairScan scan,
        Optional<TieTable.Entry> table,
        Optional<NemoPolicy> nemo,
        Optional<BowlineLoad> load) {

    PhysicalState state() {
        return scan.state();
    }

    PhysicalState.Kind kind() {
        return scan.state().kind();
    }

    /// Whether the checkpoint is for embedding texts, as sentence-transformers marks it: its head is not used.
    boolean isEmbeddingModel() {
        Path directory = files.directory();
        return Files.exists(directory.resolve("config_sentence_transformers.json"))
                || Files.exists(directory.resolve("modules.json"))
                || Files.isDirectory(directory.resolve("1_Pooling"));
    }

    /// Whether a level of config.json is an object.
    boolean hasLevel(String level) {
        return ReleaseTies.objectAt(config, level).isPresent();
    }

    /// The flag of the language model: at the innermost level that there is, as inner classes read it.
    Optional<Boolean> textFlag() {
        return flags.isEmpty() ? Optional.empty() : flags.getLast().value();
    }

    Optional<Boolean> topFlag() {
        return ReleaseTies.flagAt(config, "");
    }

    /// What a transformers release decides; empty when it has no such class, or fails to read the config.
    Optional<Boolean> decides(Optional<ReleaseTies> release) {
        return release.map(each -> each.decides(config))
                .filter(decision -> decision != 'E')
                .map(decision -> decision == 'T');
    }

    /// Whether any reader of the flag takes it for tied.
    boolean saysTied() {
        return PairRules.asked(this).contains(true);
    }

    /// Whether checkpoints of this architecture are tied unless they say otherwise.
    boolean familyTied() {
        return nemo.flatMap(NemoPolicy::support)
                        .filter(TieSupport.TIED_ONLY::equals)
                        .isPresent()
                || table.map(entry -> entry.newest().defaultTied()).orElse(false);
    }

    Optional<Boolean> v4() {
        return decides(table.flatMap(TieTable.Entry::v4));
    }

    Optional<Boolean> v5() {
        return decides(table.flatMap(TieTable.Entry::v5));
    }
}
