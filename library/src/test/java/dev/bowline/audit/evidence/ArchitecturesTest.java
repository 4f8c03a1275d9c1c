package dev.bowline.audit.evidence;

import static dev.bowline.audit.CheckpointFixture.E;
import static dev.bowline.audit.CheckpointFixture.H;
import static dev.bowline.audit.CheckpointFixture.ROWS;
import static dev.bowline.audit.CheckpointFixture.WIDTH;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import dev.bowline.audit.AuditSchemaTest;
import dev.bowline.audit.CheckpointFixture;
import dev.bowline.audit.TieAudit;
import dev.bowline.audit.consumers.Consumer;
import dev.bowline.audit.consumers.Outcome;
import dev.bowline.audit.evidence.PhysicalState.Kind;
import dev.bowline.audit.findings.FindingCode;
import dev.bowline.safetensors.SafetensorsType;
import dev.bowline.ties.TieSupport;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Every architecture that NeMo AutoModel registers has a pair, a reason for it, and its policy in the matrix.
class ArchitecturesTest {

    /// Leaves NeMo's class to transformers' unless its text model is one that NeMo has.
    private static final String OTHER_CLASS = "Mistral3ForConditionalGeneration";

    @TempDir
    private Path temporary;

    private int written;

    private TieAudit audit(CheckpointFixture fixture) throws IOException {
        return AuditSchemaTest.requireDescribed(TieAudit.of(fixture.write(temporary.resolve("model" + written++))));
    }

    private static CheckpointFixture named(String architecture, boolean tied) {
        return new CheckpointFixture("{\"architectures\": [\"%s\"], \"vocab_size\": 32, \"tie_word_embeddings\": %s}"
                .formatted(architecture, tied));
    }

    @Test
    void everyOneHasItsPairAndItsPolicy() throws IOException {
        Map<String, String> wrong = new TreeMap<>();
        var names = NemoPolicy.table().keys();
        for (String name : names) {
            Optional<TieSupport> support = NemoPolicy.find(name).orElseThrow().support();
            TiePair pair = audit(named(name, true)).pair();
            assertEquals(support.isPresent(), pair.hasHead(), name);
            assertFalse(pair.reason().isBlank(), name);
            if (support.isEmpty() || name.equals(OTHER_CLASS)) {
                continue;
            }
            for (boolean tied : new boolean[] {true, false}) {
                TieAudit both = audit(named(name, tied)
                        .with(pair.embeddingKey(), SafetensorsType.F32, ROWS, WIDTH, E)
                        .with(pair.headKey(), SafetensorsType.F32, ROWS, WIDTH, H));
                String found = "%s %s %s".formatted(both.state().kind(), tied, outcome(both));
                String expected = "%s %s %s".formatted(Kind.BOTH_DIFFER, tied, expected(support.get(), tied));
                if (!found.equals(expected)) {
                    wrong.put(name + " " + tied, found + ", expected " + expected);
                }
                assertEquals(
                        outcome(both) == Outcome.FAILS, both.has(FindingCode.T25), () -> name + " " + both.findings());
            }
        }

        assertEquals(Map.of(), wrong);
        assertEquals(60, names.size());
    }

    @Test
    void aClassOverAnotherTextModelIsNotNemos() throws IOException {
        for (String text : java.util.List.of("mistral4", "mistral")) {
            TieAudit audit = audit(new CheckpointFixture("""
                    {"architectures": ["%s"], "tie_word_embeddings": true, "text_config": {"model_type": "%s"}}""".formatted(OTHER_CLASS, text))
                    .with("language_model.model.embed_tokens.weight", SafetensorsType.F32, ROWS, WIDTH, E));

            assertEquals(text.equals("mistral4") ? Outcome.FAILS : Outcome.TIED, outcome(audit), text);
        }
    }

    private static Outcome outcome(TieAudit audit) {
        return audit.consumer(Consumer.NEMO_AUTOMODEL).outcome();
    }

    private static Outcome expected(TieSupport support, boolean tied) {
        return switch (support) {
            case TIED_ONLY -> tied ? Outcome.TIED : Outcome.FAILS;
            case UNTIED_ONLY -> tied ? Outcome.FAILS : Outcome.UNTIED;
            case BOTH -> tied ? Outcome.TIED : Outcome.UNTIED;
        };
    }
}
