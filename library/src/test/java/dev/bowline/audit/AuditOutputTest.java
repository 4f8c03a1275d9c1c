package dev.bowline.audit;

import static dev.bowline.audit.CheckpointFixture.E;
import static dev.bowline.audit.CheckpointFixture.H;
import static dev.bowline.audit.CheckpointFixture.ROWS;
import static dev.bowline.audit.CheckpointFixture.WIDTH;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.BowlineVersion;
import dev.bowline.Remedy;
import dev.bowline.audit.findings.Findings;
import dev.bowline.report.AuditHtml;
import dev.bowline.report.AuditText;
import dev.bowline.safetensors.SafetensorsType;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.ZoneOffset;
import java.time.ZonedDateTime;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// What an audit prints is for people: names from files steer no terminal, and many checkpoints have one summary.
class AuditOutputTest {

    @TempDir
    private Path temporary;

    private static String page(List<AuditOutcome> outcomes) {
        ZonedDateTime now = ZonedDateTime.now(ZoneOffset.UTC);
        return new AuditHtml(Remedy::words, now).html(AuditSummary.of(outcomes));
    }

    @Test
    void namesFromFilesSteerNoTerminal() throws IOException {
        String evil = "\u001b[2J\u202egip\u0007.lm_head.weight";
        Path path = CheckpointFixture.llama("true")
                .embedding(E)
                .with(evil, SafetensorsType.F32, ROWS, WIDTH, H)
                .write(temporary.resolve("named\u001b[31m"));
        List<AuditOutcome> outcomes = List.of(AuditOutcome.of(path, AuditOptions.NONE));

        for (String printed : List.of(new AuditText(Remedy::words).text(outcomes), page(outcomes))) {
            assertTrue(printed.contains("\\u001b[2J\\u202egip\\u0007.lm_head.weight"), printed);
            assertTrue(printed.contains("named\\u001b[31m"), printed);
            assertFalse(
                    printed.chars().anyMatch(each -> each != '\n' && Character.isISOControl(each) || each == '\u202e'),
                    printed);
        }
    }

    @Test
    void manyHaveOneSummary() throws IOException {
        List<AuditOutcome> outcomes = List.of(
                AuditOutcome.of(
                        CheckpointFixture.llama("true").embedding(E).head(H).write(temporary.resolve("diverged")),
                        AuditOptions.NONE),
                AuditOutcome.of(
                        CheckpointFixture.llama("true").embedding(E).write(temporary.resolve("tied")),
                        AuditOptions.NONE),
                AuditOutcome.of(temporary.resolve("absent"), AuditOptions.NONE));

        String page = page(outcomes);

        List<Integer> rows = List.of("unreadable", "critical", "clean").stream()
                .map(rank -> page.indexOf("<tr><td class=\"rank %s\">".formatted(rank)))
                .toList();
        assertTrue(rows.getFirst() > 0 && rows.equals(rows.stream().sorted().toList()), page);
        for (int i = 1; i <= 3; i++) {
            assertTrue(page.contains("<a href=\"#checkpoint-%d\">".formatted(i)), page);
            assertTrue(page.contains(" id=\"checkpoint-%d\">".formatted(i)), page);
        }
        assertTrue(page.contains("3 checkpoints: 1 unreadable, 1 critical, 1 clean. Audited on 2"), page);
        assertTrue(page.contains("with Bowline " + BowlineVersion.current()), page);
        assertFalse(page(outcomes.subList(0, 1)).contains("<th>Worst</th>"));
        assertTrue(new AuditText(Remedy::words).text(outcomes).contains("Summary\n"));
    }

    @Test
    void theBaseTellsWhichSideMoved() throws IOException {
        CheckpointFixture.Values other = Findings.changedRows(E, 4);
        Path base = CheckpointFixture.llama("false").embedding(E).head(H).write(temporary.resolve("base"));
        Path tied = CheckpointFixture.llama("true").embedding(E).write(temporary.resolve("tied"));

        assertEquals(
                "neither side moved",
                since(CheckpointFixture.llama("false").embedding(E).head(H), base));
        assertEquals(
                "the head moved, the input embedding did not",
                since(CheckpointFixture.llama("false").embedding(E).head(other), base));
        assertEquals(
                "the input embedding moved, the head did not",
                since(CheckpointFixture.llama("false").embedding(other).head(H), base));
        assertEquals(
                "both moved",
                since(CheckpointFixture.llama("false").embedding(other).head(other), base));
        assertEquals(
                "the input embedding did not move",
                since(CheckpointFixture.llama("true").embedding(E), tied));
        assertEquals(
                "the input embedding moved",
                since(CheckpointFixture.llama("true").embedding(other), tied));
        assertEquals(
                "the head moved, the input embedding did not",
                since(CheckpointFixture.llama("false").embedding(E).head(other), tied));
    }

    private String since(CheckpointFixture fixture, Path base) throws IOException {
        Path path = Files.createTempDirectory(temporary, "made");
        TieAudit audit = AuditSchemaTest.requireDescribed(
                TieAudit.of(fixture.write(path), new AuditOptions(Optional.of(base), Optional.empty())));
        String sentence = audit.sinceBase().orElseThrow().sentence();
        String words = new AuditText(Remedy::words).text(audit).replaceAll("\\s+", " ");
        assertTrue(words.contains("since %s: %s".formatted(base, sentence)), words);
        assertTrue(page(List.of(new AuditOutcome.Audited(audit))).contains(": " + sentence + "."));
        return sentence;
    }

    @Test
    void theAdapterTellsWhatAMergeDoes() throws IOException {
        Path tied = CheckpointFixture.llama("true").embedding(E).write(temporary.resolve("tied"));
        Path untied = CheckpointFixture.llama("false").embedding(E).head(H).write(temporary.resolve("untied"));

        assertTrue(merge(tied, "q_proj").endsWith("so a merge does not change the tie"));
        assertTrue(merge(tied, "lm_head").contains("changes the input embedding too"));
        assertTrue(merge(tied, "embed_tokens").contains("changes the output too"));
        assertTrue(merge(untied, "lm_head").endsWith("a merge changes the head and no other"));
    }

    private String merge(Path checkpoint, String module) throws IOException {
        Path adapter = Files.createTempDirectory(temporary, "adapter");
        Files.writeString(adapter.resolve("adapter_config.json"), "{\"target_modules\": [\"%s\"]}".formatted(module));
        TieAudit audit = AuditSchemaTest.requireDescribed(
                TieAudit.of(checkpoint, new AuditOptions(Optional.empty(), Optional.of(adapter))));
        String effect = audit.merge().orElseThrow().effect();
        assertTrue(
                new AuditText(Remedy::words).text(audit).replaceAll("\\s+", " ").contains(adapter + ": " + effect));
        return effect;
    }
}
