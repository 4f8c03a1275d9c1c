package dev.bowline.audit.findings;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.audit.AuditOptions;
import dev.bowline.audit.AuditOutcome;
import dev.bowline.audit.AuditSchemaTest;
import dev.bowline.audit.AuditSummary;
import dev.bowline.audit.TieAudit;
import dev.bowline.fixtures.Golden;
import dev.bowline.json.Json;
import dev.bowline.report.AuditHtml;
import dev.bowline.report.AuditText;
import java.nio.file.Path;
import java.time.ZoneOffset;
import java.time.ZonedDateTime;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// The effect of adapters that PEFT wrote, in each program: Bowline, PEFT, vLLM, llama.cpp, Ollama. docs/consumers.md
/// names the sources.
class AdapterViewsTest {

    private static TieAudit audit(String adapter) {
        Path directory = Golden.directory("adapters", adapter);
        String base =
                Json.parse(directory.resolve("peft_reference.json")).asObject().requireString("base");
        return AuditSchemaTest.requireDescribed(TieAudit.of(
                Path.of("src", "test", "resources", "fixtures").resolve(base),
                new AuditOptions(Optional.empty(), Optional.of(directory))));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            llama_linear              | applied | applied | applied        | applied        | applied
            llama_bf16                | applied | applied | applied        | applied        | applied
            llama_rslora              | applied | applied | applied        | other_strength | refused
            llama_untied_patterns     | applied | applied | other_strength | other_strength | other_strength
            llama_dora                | applied | applied | refused        | refused        | in_part
            llama_embedding           | refused | applied | applied        | refused        | refused
            llama_head                | refused | applied | applied        | refused        | refused
            llama_shared              | applied | applied | applied        | refused        | refused
            llama_saved               | applied | applied | refused        | refused        | in_part
            llama_tokens              | applied | applied | refused        | refused        | in_part
            llama_untied_pair         | applied | applied | applied        | applied        | applied
            phi3_fused                | applied | applied | applied        | applied        | refused
            gemma4_experts            | applied | applied | in_part        | refused        | refused
            gemma4_experts_automodel  | applied | in_part | in_part        | refused        | refused
            gemma4_experts_peft018    | applied | refused | in_part        | refused        | refused
            qwen3moe_experts_split    | applied | in_part | applied        | refused        | refused
            """)
    void eachProgramHasItsEffect(
            String adapter, String bowline, String peft, String vllm, String llamaCpp, String ollama) {
        List<AdapterView> readers = audit(adapter).merge().orElseThrow().readers();

        assertEquals(
                List.of(bowline, peft, vllm, llamaCpp, ollama, "refused"),
                readers.stream()
                        .map(view -> view.outcome().name().toLowerCase(Locale.ROOT))
                        .toList());
    }

    @ParameterizedTest
    @CsvSource({
        "gemma4_experts_peft018, T34",
        "gemma4_experts_automodel, T29",
        "gemma4_experts, T29",
        "llama_head, T12",
        "llama_saved_parted, T12",
        "llama_untied_patterns, T28"
    })
    void theFindingOfALayoutIsThere(String adapter, FindingCode code) {
        assertTrue(audit(adapter).has(code), audit(adapter).findings().toString());
    }

    /// One delta for both, and one copy for both, are merged into one value.
    @ParameterizedTest
    @CsvSource({"llama_shared", "llama_saved", "llama_tokens"})
    void aSharedChangeOfATiedPairIsLow(String adapter) {
        assertEquals(Optional.of(Severity.LOW), audit(adapter).worst());
    }

    @Test
    void textAndPageShowEveryProgram() {
        TieAudit audit = audit("llama_untied_patterns");

        String text = new AuditText(remedy -> "").text(audit);
        String page = new AuditHtml(remedy -> "", ZonedDateTime.of(2026, 1, 1, 0, 0, 0, 0, ZoneOffset.UTC))
                .html(AuditSummary.of(List.of(new AuditOutcome.Audited(audit))));

        assertTrue(text.contains("  vLLM            another strength it reads one rank and one alpha"), text);
        assertTrue(page.contains("<tr class=\"wrong\"><td>vLLM</td><td>another strength (silently wrong)</td>"), page);
        assertEquals(
                "Bowline PEFT vLLM llama.cpp Ollama NeMo AutoModel",
                audit.merge().orElseThrow().readers().stream()
                        .map(view -> view.reader().title())
                        .collect(Collectors.joining(" ")));
    }
}
