package dev.bowline.audit.evidence;

import dev.bowline.BowlineException;
import dev.bowline.audit.evidence.PhysicalState.Kind;
import dev.bowline.json.JsonNumber;
import dev.bowline.json.JsonObject;
import dev.bowline.json.JsonValue;
import dev.bowline.ties.TieSupport;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.SequencedMap;
import java.util.Set;
import java.util.stream.Collectors;

/// Everything the rules look at, computed once.
///
/// @param config an empty object when there is no config.json
/// @param flags the flag at every level that exists
/// @param load Bowline's own load, where whoever asked brought it along
public record Subject(
        SourceFiles files,
        JsonObject config,
        List<FlagAt> flags,
        SequencedMap<String, PlacedTensor> tensors,
        TiePair pair,
        PairScan scan,
        Optional<TieTable.Entry> table,
        Optional<NemoPolicy> nemo,
        Optional<BowlineLoad> load) {

    /// @throws BowlineException when nothing at `path` can be read
    public static Subject read(Path path, Optional<BowlineLoad> load) {
        return of(SourceFiles.read(path), load);
    }

    public static Subject of(SourceFiles files, Optional<BowlineLoad> load) {
        TieTable table = TieTable.shipped();
        SequencedMap<String, PlacedTensor> tensors = files.tensors();
        TiePair pair = PairResolver.resolve(tensors, files.config(), table);
        JsonObject config = files.config().orElse(JsonObject.of());
        boolean unreadable =
                files.headers().isEmpty() || files.problems().stream().anyMatch(problem -> !problem.isJson());
        boolean unknown = pair.placeholder().isPresent()
                || unreadable && (pair.head().isEmpty() || pair.embedding().isEmpty());
        PairScan scan =
                unknown ? new PairScan(PhysicalState.of(Kind.UNKNOWN), DamagedRows.Found.NONE) : PairScan.of(pair);
        return new Subject(
                files,
                config,
                files.config().map(Flags::of).orElse(List.of()),
                tensors,
                pair,
                scan,
                pair.architecture().flatMap(table::find),
                pair.architecture().flatMap(NemoPolicy::find),
                load);
    }

    public PhysicalState state() {
        return scan.state();
    }

    public PhysicalState.Kind kind() {
        return scan.state().kind();
    }

    /// True if the checkpoint is for embedding texts, as sentence-transformers marks it: its head is not used.
    public boolean isEmbeddingModel() {
        Path directory = files.directory();
        return Files.exists(directory.resolve("config_sentence_transformers.json"))
                || Files.exists(directory.resolve("modules.json"))
                || Files.isDirectory(directory.resolve("1_Pooling"));
    }

    /// True if a level of config.json is an object.
    public boolean hasLevel(String level) {
        return ReleaseTies.objectAt(config, level).isPresent();
    }

    /// The flag of the language model: at the innermost level that there is, as inner classes read it.
    public Optional<Boolean> textFlag() {
        return flags.isEmpty() ? Optional.empty() : flags.getLast().value();
    }

    public Optional<Boolean> topFlag() {
        return ReleaseTies.flagAt(config, "");
    }

    /// The decision of a transformers release; empty when it has no such class, or fails to read the config.
    Optional<Boolean> decides(Optional<ReleaseTies> release) {
        return release.map(each -> each.decides(config))
                .filter(decision -> decision != 'E')
                .map(decision -> decision == 'T');
    }

    /// True if any reader of the flag takes it for tied.
    public boolean saysTied() {
        return asked().contains(true);
    }

    /// True if checkpoints of this architecture are tied by default.
    public boolean familyTied() {
        return nemo.flatMap(NemoPolicy::support)
                        .filter(TieSupport.TIED_ONLY::equals)
                        .isPresent()
                || table.map(entry -> entry.newest().defaultTied()).orElse(false);
    }

    public Optional<Boolean> v4() {
        return decides(table.flatMap(TieTable.Entry::v4));
    }

    public Optional<Boolean> v5() {
        return decides(table.flatMap(TieTable.Entry::v5));
    }

    /// Returns the tie decision of every reader of the flag: of both transformers releases, or for an unknown
    /// architecture of the flag itself.
    public List<Boolean> asked() {
        List<Boolean> asked = new ArrayList<>();
        v4().ifPresent(asked::add);
        v5().ifPresent(asked::add);
        if (table.isEmpty()) {
            asked.add(topFlag()
                    .or(this::textFlag)
                    .orElseGet(
                            () -> nemo.map(NemoPolicy::defaultTied).orElse(kind() == PhysicalState.Kind.EMBED_ONLY)));
        }
        return asked;
    }

    /// Returns the rows that transformers sets to zero and never trains: `padding_idx` of the embedding.
    public Set<Long> paddingRows() {
        return flags.stream()
                .flatMap(flag -> ReleaseTies.objectAt(config, flag.level()).stream())
                .flatMap(object -> object.get("pad_token_id").stream())
                .filter(JsonNumber.class::isInstance)
                .map(JsonValue::asLong)
                .collect(Collectors.toSet());
    }
}
