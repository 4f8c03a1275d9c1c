package dev.bowline.audit.consumers;

import static dev.bowline.audit.CheckpointFixture.E;
import static dev.bowline.audit.CheckpointFixture.H;
import static dev.bowline.audit.CheckpointFixture.ROWS;
import static dev.bowline.audit.CheckpointFixture.WIDTH;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.audit.CheckpointFixture;
import dev.bowline.audit.TieAudit;
import dev.bowline.safetensors.SafetensorsType;
import java.io.IOException;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// mlx-lm and llama.cpp decide family by family; docs/consumers.md has the rules and where they stand.
class ConsumerRulesTest {

    @TempDir
    private Path temporary;

    private int written;

    /// A flat model of an architecture; a flag of "" is absent.
    private CheckpointFixture flat(String architecture, String flag) {
        return new CheckpointFixture(
                """
                {"architectures": ["%s"], "vocab_size": 32%s}""".formatted(architecture, flag.isEmpty() ? "" : ", \"tie_word_embeddings\": " + flag));
    }

    private CheckpointFixture nested(String architecture, String flag, String head, String embedding) {
        CheckpointFixture fixture = new CheckpointFixture(
                        """
                {"architectures": ["%s"], "text_config": {"vocab_size": 32%s}}""".formatted(architecture, flag.isEmpty() ? "" : ", \"tie_word_embeddings\": " + flag))
                .with(embedding, SafetensorsType.F32, ROWS, WIDTH, E);
        return head.isEmpty() ? fixture : fixture.with(head, SafetensorsType.F32, ROWS, WIDTH, H);
    }

    private ConsumerView view(Consumer consumer, CheckpointFixture fixture) throws IOException {
        return TieAudit.of(fixture.write(temporary.resolve("checkpoint" + written++)))
                .consumer(consumer);
    }

    private void mlx(Outcome outcome, Source head, CheckpointFixture fixture) throws IOException {
        ConsumerView view = view(Consumer.MLX, fixture);
        assertEquals(outcome, view.outcome(), view.why());
        assertEquals(head, view.head(), view.why());
    }

    private void llamaCpp(Outcome outcome, Source head, CheckpointFixture fixture) throws IOException {
        ConsumerView view = view(Consumer.LLAMA_CPP, fixture);
        assertEquals(outcome, view.outcome(), view.why());
        assertEquals(head, view.head(), view.why());
    }

    @Test
    void sglangGoesByTheFlagAndCountsNothing() throws IOException {
        ConsumerView tied = view(
                Consumer.SGLANG, flat("LlamaForCausalLM", "true").embedding(E).head(H));
        ConsumerView missing =
                view(Consumer.SGLANG, flat("Qwen3ForCausalLM", "false").embedding(E));

        assertEquals(Outcome.TIED, tied.outcome());
        assertTrue(tied.loses());
        assertEquals(Outcome.RANDOM, missing.outcome());
        assertEquals(Source.RANDOM, missing.head());
    }

    @Test
    void ollamaHasNoNameForTheHeadOfAGemma() throws IOException {
        ollama(
                Outcome.UNTIED,
                Source.HEAD,
                flat("LlamaForCausalLM", "false").embedding(E).head(H));
        ollama(
                Outcome.UNSUPPORTED,
                Source.NONE,
                flat("Gemma2ForCausalLM", "false").embedding(E).head(H));
        ollama(
                Outcome.UNSUPPORTED,
                Source.NONE,
                flat("Qwen3ForCausalLM", "true").embedding(E));
        ollama(Outcome.FAILS, Source.NONE, flat("Gemma4ForCausalLM", "true").embedding(E));
        ollama(
                Outcome.TIED,
                Source.EMBEDDING,
                nested("Gemma4ForConditionalGeneration", "true", "", "model.language_model.embed_tokens.weight"));
    }

    private void ollama(Outcome outcome, Source head, CheckpointFixture fixture) throws IOException {
        ConsumerView view = view(Consumer.OLLAMA, fixture);
        assertEquals(outcome, view.outcome(), view.why());
        assertEquals(head, view.head(), view.why());
    }

    @Test
    void mlxTakesAnAbsentFlagOfLlamaMistralAndQwen2ForTied() throws IOException {
        for (String family : new String[] {"LlamaForCausalLM", "MistralForCausalLM", "Qwen2ForCausalLM"}) {
            mlx(Outcome.TIED, Source.EMBEDDING, flat(family, "").embedding(E).head(H));
            mlx(Outcome.TIED, Source.EMBEDDING, flat(family, "").embedding(E));
            mlx(Outcome.UNTIED, Source.HEAD, flat(family, "false").embedding(E).head(H));
            mlx(Outcome.FAILS, Source.NONE, flat(family, "false").embedding(E));
            mlx(Outcome.FAILS, Source.NONE, flat(family, "true").head(H));
        }
        assertTrue(
                view(Consumer.MLX, flat("LlamaForCausalLM", "").embedding(E).head(H))
                        .isSilentlyWrong(),
                "the trained head is dropped");
    }

    @Test
    void mlxWantsQwen3ToSay() throws IOException {
        mlx(Outcome.FAILS, Source.NONE, flat("Qwen3ForCausalLM", "").embedding(E));
        mlx(Outcome.TIED, Source.EMBEDDING, flat("Qwen3ForCausalLM", "true").embedding(E));
        mlx(
                Outcome.UNTIED,
                Source.HEAD,
                flat("Qwen3ForCausalLM", "false").embedding(E).head(H));
    }

    @Test
    void mlxTakesAnAbsentFlagOfPhi3ForUntiedAndRefusesATiedHead() throws IOException {
        mlx(
                Outcome.UNTIED,
                Source.HEAD,
                flat("Phi3ForCausalLM", "").embedding(E).head(H));
        mlx(Outcome.FAILS, Source.NONE, flat("Phi3ForCausalLM", "").embedding(E));
        mlx(Outcome.TIED, Source.EMBEDDING, flat("Phi3ForCausalLM", "true").embedding(E));
        mlx(
                Outcome.FAILS,
                Source.NONE,
                flat("Phi3ForCausalLM", "true").embedding(E).head(E));
    }

    @Test
    void mlxReadsMistral3sTextLevelUnderItsPrefix() throws IOException {
        String family = "Mistral3ForConditionalGeneration";
        String head = "language_model.lm_head.weight";
        String embedding = "language_model.model.embed_tokens.weight";
        mlx(Outcome.UNTIED, Source.HEAD, nested(family, "", head, embedding));
        mlx(Outcome.FAILS, Source.NONE, nested(family, "", "", embedding));
        mlx(Outcome.TIED, Source.EMBEDDING, nested(family, "true", "", embedding));
        mlx(Outcome.FAILS, Source.NONE, nested(family, "true", "", "model.language_model.embed_tokens.weight"));
    }

    @Test
    void mlxHasNoHeadForTheFirstGemmasAndGpt2() throws IOException {
        for (String family : new String[] {"GemmaForCausalLM", "Gemma2ForCausalLM"}) {
            mlx(Outcome.TIED, Source.EMBEDDING, flat(family, "false").embedding(E));
            mlx(Outcome.FAILS, Source.NONE, flat(family, "true").embedding(E).head(E));
        }
        mlx(
                Outcome.TIED,
                Source.EMBEDDING,
                flat("GPT2LMHeadModel", "").with("transformer.wte.weight", SafetensorsType.F32, ROWS, WIDTH, E));
        mlx(
                Outcome.FAILS,
                Source.NONE,
                flat("GPT2LMHeadModel", "")
                        .with("transformer.wte.weight", SafetensorsType.F32, ROWS, WIDTH, E)
                        .head(E));
    }

    @Test
    void mlxLooksOnlyAtWhetherGemma3HasAHead() throws IOException {
        for (String flag : new String[] {"", "true", "false"}) {
            mlx(
                    Outcome.UNTIED,
                    Source.HEAD,
                    flat("Gemma3ForCausalLM", flag).embedding(E).head(H));
            mlx(Outcome.TIED, Source.EMBEDDING, flat("Gemma3ForCausalLM", flag).embedding(E));
        }
        mlx(
                Outcome.TIED,
                Source.EMBEDDING,
                nested("Gemma3ForConditionalGeneration", "", "", "language_model.model.embed_tokens.weight"));
        mlx(
                Outcome.FAILS,
                Source.NONE,
                nested("Gemma3ForConditionalGeneration", "", "", "model.language_model.embed_tokens.weight"));
    }

    @Test
    void mlxTiesGemma4WithoutAHead() throws IOException {
        mlx(Outcome.TIED, Source.EMBEDDING, flat("Gemma4ForCausalLM", "false").embedding(E));
        mlx(
                Outcome.UNTIED,
                Source.HEAD,
                flat("Gemma4ForCausalLM", "false").embedding(E).head(H));
        mlx(
                Outcome.FAILS,
                Source.NONE,
                flat("Gemma4ForCausalLM", "true").embedding(E).head(E));
        String embedding = "model.language_model.embed_tokens.weight";
        mlx(Outcome.TIED, Source.EMBEDDING, nested("Gemma4ForConditionalGeneration", "", "", embedding));
        mlx(Outcome.FAILS, Source.NONE, nested("Gemma4ForConditionalGeneration", "", "lm_head.weight", embedding));
    }

    @Test
    void mlxHasNoModelOfSomeFamilies() throws IOException {
        mlx(
                Outcome.UNSUPPORTED,
                Source.NONE,
                flat("T5ForConditionalGeneration", "true").with("shared.weight", SafetensorsType.F32, ROWS, WIDTH, E));
    }

    @Test
    void llamaCppGoesByPresence() throws IOException {
        for (String flag : new String[] {"", "true", "false"}) {
            for (String family : new String[] {"LlamaForCausalLM", "Gemma3ForCausalLM"}) {
                llamaCpp(
                        Outcome.UNTIED,
                        Source.HEAD,
                        flat(family, flag).embedding(E).head(H));
                llamaCpp(Outcome.TIED, Source.EMBEDDING, flat(family, flag).embedding(E));
                llamaCpp(Outcome.FAILS, Source.NONE, flat(family, flag).head(H));
            }
        }
    }

    @Test
    void llamaCppLeavesTheHeadOfTheFirstGemmasOut() throws IOException {
        for (String family : new String[] {"GemmaForCausalLM", "Gemma2ForCausalLM"}) {
            llamaCpp(
                    Outcome.TIED,
                    Source.EMBEDDING,
                    flat(family, "false").embedding(E).head(H));
            llamaCpp(
                    Outcome.TIED, Source.BOTH, flat(family, "true").embedding(E).head(E));
        }
        assertTrue(view(
                        Consumer.LLAMA_CPP,
                        flat("GemmaForCausalLM", "false").embedding(E).head(H))
                .isSilentlyWrong());
    }

    @Test
    void llamaCppLeavesATiedHeadOfSomeFamiliesOut() throws IOException {
        for (String family :
                new String[] {"DeepseekV2ForCausalLM", "DeepseekV3ForCausalLM", "HunYuanDenseV1ForCausalLM"}) {
            llamaCpp(
                    Outcome.TIED,
                    Source.EMBEDDING,
                    flat(family, "true").embedding(E).head(H));
            llamaCpp(
                    Outcome.UNTIED,
                    Source.HEAD,
                    flat(family, "false").embedding(E).head(H));
        }
    }

    @Test
    void llamaCppHasNoOutputForCohere() throws IOException {
        llamaCpp(
                Outcome.FAILS,
                Source.NONE,
                flat("CohereForCausalLM", "true").embedding(E).head(E));
        llamaCpp(
                Outcome.TIED,
                Source.EMBEDDING,
                flat("CohereForCausalLM", "true").embedding(E));
    }
}
