package dev.bowline.catalog;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.BowlineException;
import dev.bowline.Remedy;
import dev.bowline.audit.AuditOptions;
import dev.bowline.audit.TieAudit;
import dev.bowline.audit.consumers.Consumer;
import dev.bowline.audit.consumers.ConsumerView;
import dev.bowline.audit.consumers.Outcome;
import dev.bowline.audit.findings.Severity;
import dev.bowline.audit.repair.Repair;
import dev.bowline.audit.repair.RepairOptions;
import dev.bowline.audit.repair.RepairPlan;
import dev.bowline.json.Json;
import dev.bowline.json.JsonObject;
import dev.bowline.model.TiedWeights;
import dev.bowline.safetensors.SafetensorsFile;
import dev.bowline.safetensors.SafetensorsWriter;
import dev.bowline.safetensors.TensorSource;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// What an audit says of Bowline is what a load does, for every family, under every prefix, with either flag; a cell
/// that is silently wrong is critical, before a repair and after it.
class AuditedLoadTest {

    private static final List<Path> CHECKPOINTS = List.of(
            Path.of("families", "llama", "tied"),
            Path.of("families", "gemma2", "untied"),
            Path.of("families", "gemma3", "text_tied"),
            Path.of("families", "gemma3", "vision_bf16"),
            Path.of("families", "mistral", "vl_tied_bf16"),
            Path.of("families", "baichuan2", "untied"),
            Path.of("gemma4", "text_only"),
            Path.of("gemma4", "with_towers"));

    private static final Path FIXTURES = Path.of("src", "test", "resources", "fixtures");

    private static final Map<String, UnaryOperator<String>> NAMES = new LinkedHashMap<>();

    static {
        NAMES.put("as they are", name -> name);
        NAMES.put("module.", name -> "module." + name);
        NAMES.put("language_model.", name -> "language_model." + name);
        NAMES.put("base_model.model.", name -> "base_model.model." + name);
        NAMES.put("_orig_mod inside", name -> name.replaceFirst("(layers\\.\\d+\\.)", "$1_orig_mod."));
        NAMES.put("model. taken away", name -> name.startsWith("model.") ? name.substring(6) : name);
        NAMES.put("model. twice", name -> name.startsWith("model.") ? "model." + name : name);
        NAMES.put("model. before all", name -> "model." + name);
    }

    /// The repairs that are written to the disk, and not only previewed.
    private static final String WRITTEN = "families/gemma3/text_tied/language_model.";

    private static final AuditOptions AUDIT = AuditOptions.NONE.with(new AutoModelLoad());
    private static final RepairOptions REPAIR = RepairOptions.LOSSLESS.with(new AutoModelLoad());

    @TempDir
    private Path temporary;

    @Test
    void theAuditForeseesEveryLoadAndCallsEverySilentlyWrongCellCritical() throws IOException {
        Map<String, String> wrong = new TreeMap<>();
        int cells = 0;
        for (Path fixture : CHECKPOINTS) {
            for (Map.Entry<String, UnaryOperator<String>> naming : NAMES.entrySet()) {
                for (boolean tied : new boolean[] {true, false}) {
                    String cell = "%s/%s/%s".formatted(fixture, naming.getKey(), tied);
                    Path checkpoint = write(
                            FIXTURES.resolve(fixture), naming.getValue(), tied, temporary.resolve("cell" + cells++));
                    compare(cell, checkpoint, wrong);
                }
            }
        }

        int all = cells;
        assertEquals(Map.of(), wrong, () -> "%d of %d".formatted(wrong.size(), all));
        assertTrue(cells > 100);
    }

    private void compare(String cell, Path checkpoint, Map<String, String> wrong) {
        TieAudit before = TieAudit.of(checkpoint, AUDIT);
        boolean mendable = requireForeseen(cell, checkpoint, before, wrong);
        Optional<RepairPlan> plan = Optional.empty();
        try {
            plan = Optional.of(Repair.plan(checkpoint, REPAIR));
        } catch (BowlineException e) {
            // The names can be mended, and nothing says that the head that the flag asks for was ever tied.
            mendable &= !e.howToFix().remedies().contains(new Remedy.Decide(Remedy.Decision.TIED));
        }
        if (plan.filter(each -> !each.changesNothing()).isPresent()) {
            TieAudit after = plan.get().after();
            if (cell.startsWith(WRITTEN)) {
                after = Repair.applyInPlace(plan.get());
                if (requireForeseen(cell + " repaired", checkpoint, after, wrong)) {
                    wrong.put(cell + " repaired", "the load still asks for a repair");
                }
            }
            requireLoud(cell + " repaired", after, wrong);
            if (mendable && after.consumer(Consumer.BOWLINE).outcome() == Outcome.FAILS) {
                wrong.put(cell + " repaired", after.consumer(Consumer.BOWLINE).why());
            }
        } else if (mendable) {
            wrong.put(cell + " repair", "does nothing");
        }
    }

    private static void requireLoud(String cell, TieAudit audit, Map<String, String> wrong) {
        boolean silent = audit.consumers().stream().anyMatch(ConsumerView::isSilentlyWrong);
        if (silent && audit.worst().filter(Severity.CRITICAL::equals).isEmpty()) {
            wrong.put(cell + " severity", audit.worst() + " " + audit.verdict());
        }
    }

    /// @return whether the load names a repair
    private static boolean requireForeseen(String cell, Path checkpoint, TieAudit audit, Map<String, String> wrong) {
        boolean mendable = false;
        Outcome did;
        String why = "";
        try (Pretrained pretrained = AutoModel.fromPretrained(checkpoint)) {
            did = TiedWeights.hasLocalTiedLmHead(pretrained.model()) ? Outcome.TIED : Outcome.UNTIED;
        } catch (BowlineException refused) {
            did = Outcome.FAILS;
            why = refused.problem();
            mendable = !refused.howToFix().remedies().isEmpty();
        }
        ConsumerView view = audit.consumer(Consumer.BOWLINE);
        if (view.outcome() != did) {
            wrong.put(cell + " Bowline", "did %s, foreseen %s: %s %s".formatted(did, view.outcome(), why, view.why()));
        }
        if (why.lines().count() > 12) {
            wrong.put(cell + " message", why);
        }
        requireLoud(cell, audit, wrong);
        return mendable;
    }

    private static Path write(Path fixture, UnaryOperator<String> naming, boolean tied, Path directory)
            throws IOException {
        Files.createDirectories(directory);
        JsonObject config =
                Json.parse(fixture.resolve("config.json")).asObject().with("tie_word_embeddings", tied);
        Files.writeString(directory.resolve("config.json"), Json.pretty(config));
        try (SafetensorsFile file = SafetensorsFile.open(fixture.resolve("model.safetensors"))) {
            List<TensorSource> tensors = new ArrayList<>();
            for (String name : file.entries().keySet()) {
                TensorSource tensor = TensorSource.of(file, name);
                tensors.add(new TensorSource(naming.apply(name), tensor.type(), tensor.shape(), tensor.content()));
            }
            SafetensorsWriter.write(directory.resolve("model.safetensors"), tensors);
        }
        return directory;
    }
}
