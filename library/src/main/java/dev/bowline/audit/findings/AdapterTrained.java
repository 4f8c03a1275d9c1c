package dev.bowline.audit.findings;

import dev.bowline.adapter.format.AdapterKey;
import dev.bowline.adapter.format.AdapterKey.Part;
import dev.bowline.adapter.format.ModulePatterns;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;

/// Values that the settings say were trained, and that the file does not hold. NeMo AutoModel, for example, saves keys
/// with `lora_` alone.
final class AdapterTrained {

    private static final Set<Part> SAVED = Set.of(Part.COPY, Part.COPY_BIAS);
    private static final Set<Part> PAIRS = Set.of(Part.LORA_A, Part.EMBEDDING_A);

    private AdapterTrained() {}

    static List<Finding> check(AdapterFacts facts) {
        List<String> lost = lost(facts);
        AdapterFindings findings = new AdapterFindings();
        if (!lost.isEmpty()) {
            findings.add(
                    FindingCode.T35,
                    Severity.CRITICAL,
                    "adapter_config.json names %d trained modules, and the file has no values of them: those modules would have the base's values"
                            .formatted(lost.size()),
                    "save the adapter again with the program that trained it, and look for a save that keeps"
                            + " modules_to_save; without the values the training of these modules is lost",
                    lost);
        }
        return findings.found();
    }

    /// The settings without values.
    static List<String> lost(AdapterFacts facts) {
        Stream<String> saved = facts.names("modules_to_save").stream()
                .filter(name -> !has(facts, SAVED, name))
                .map(name -> "modules_to_save: " + name);
        // A tied head shares the rows of the input embedding, and PEFT writes them once.
        Stream<String> tokens = facts.isSet("trainable_token_indices") && !facts.hasPart(Part.TOKENS)
                ? Stream.of("trainable_token_indices")
                : Stream.empty();
        Stream<String> targets = facts.isSet("exclude_modules") || facts.isSet("layers_to_transform")
                ? Stream.empty()
                : facts.names("target_modules").stream()
                        .filter(name -> facts.modules().names().stream()
                                .anyMatch(module -> ModulePatterns.Named.matches(name, module)))
                        .filter(name -> !has(facts, PAIRS, name))
                        .map(name -> "target_modules: " + name);
        return Stream.of(saved, tokens, targets).flatMap(stream -> stream).toList();
    }

    private static boolean has(AdapterFacts facts, Set<Part> parts, String name) {
        return facts.known().values().stream()
                .filter(key -> parts.contains(key.part()))
                .map(AdapterKey::plainModule)
                .anyMatch(module -> ModulePatterns.Named.matches(name, module)
                        || module.contains("." + name + ".")
                        || module.startsWith(name + "."));
    }
}
