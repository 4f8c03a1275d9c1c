package dev.bowline.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.distributed.Node;
import dev.bowline.distributed.Rendezvous;
import dev.bowline.recipe.DistributedSection;
import dev.bowline.recipe.Recipe;
import dev.bowline.recipe.RecipeFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.snakeyaml.engine.v2.api.Load;
import org.snakeyaml.engine.v2.api.LoadSettings;

/// The manifests of examples/kubernetes have the fields and values of Kubernetes, and the exit codes, variables and
/// keys
/// of Bowline. No cluster runs them here.
class KubernetesExamplesTest {

    private static final Path EXAMPLES = Path.of("..", "examples", "kubernetes");

    /// A Job in a JobSet has the fields of a Job.
    private static final String JOB_OF_RUNTIME =
            "ClusterTrainingRuntime.spec.template.spec.replicatedJobs[].template.spec.";

    private static final Map<String, String> API_VERSIONS = Map.of(
            "ConfigMap", "v1",
            "PersistentVolumeClaim", "v1",
            "Service", "v1",
            "NetworkPolicy", "networking.k8s.io/v1",
            "Job", "batch/v1",
            "ClusterTrainingRuntime", "trainer.kubeflow.org/v1alpha1",
            "TrainJob", "trainer.kubeflow.org/v1alpha1");

    @TempDir
    private Path directory;

    /// A scalar of a manifest.
    ///
    /// @param path with the kind in front, `[]` for every element of a list
    private record Field(String path, Object value) {}

    private static List<Map<?, ?>> documents() throws IOException {
        List<Map<?, ?>> documents = new ArrayList<>();
        try (Stream<Path> files = Files.list(EXAMPLES)) {
            for (Path file : files.sorted().toList()) {
                for (Object document :
                        new Load(LoadSettings.builder().build()).loadAllFromString(Files.readString(file))) {
                    documents.add((Map<?, ?>) document);
                }
            }
        }
        return documents;
    }

    private static Map<?, ?> document(String kind) throws IOException {
        return documents().stream()
                .filter(each -> kind.equals(each.get("kind")))
                .findFirst()
                .orElseThrow();
    }

    private static List<Field> fields(Map<?, ?> document) {
        List<Field> fields = new ArrayList<>();
        document.forEach((key, value) -> {
            if (!Set.of("apiVersion", "kind", "metadata").contains(key)) {
                collect("%s.%s".formatted(document.get("kind"), key), value, fields);
            }
        });
        return fields;
    }

    private static void collect(String path, Object value, List<Field> fields) {
        if (value instanceof Map<?, ?> map && !map.isEmpty()) {
            map.forEach((key, inner) -> collect(path + "." + key, inner, fields));
        } else if (value instanceof List<?> list) {
            list.forEach(inner -> collect(path + "[]", inner, fields));
        } else {
            fields.add(new Field(path, value));
        }
    }

    /// The type and the values of each field, by its path.
    private static Map<String, String[]> known() throws IOException {
        Map<String, String[]> known = new HashMap<>();
        for (String line : Files.readAllLines(Path.of("src/test/resources/kubernetes-fields.txt"))) {
            if (!line.isBlank() && !line.startsWith("#")) {
                String[] words = line.split(" ");
                known.put(words[0], words);
                if (words[0].startsWith("Job.spec.")) {
                    known.put(JOB_OF_RUNTIME + words[0].substring("Job.spec.".length()), words);
                }
            }
        }
        return known;
    }

    private static boolean fits(Field field, Map<String, String[]> known) {
        String[] words = known.get(field.path());
        for (String[] each : known.values()) {
            String prefix = each[0].endsWith(".*") ? each[0].substring(0, each[0].length() - 1) : "-";
            if (words == null && field.path().startsWith(prefix)) {
                words = each;
            }
        }
        if (words == null) {
            return false;
        }
        String text = String.valueOf(field.value());
        boolean isOfType = switch (words[1]) {
            case "string" -> field.value() instanceof String;
            case "integer" -> field.value() instanceof Integer;
            case "boolean" -> field.value() instanceof Boolean;
            case "object" -> field.value() instanceof Map<?, ?>;
            case "quantity" -> text.matches("[0-9]+([KMGT]i|m)?") && field.value() instanceof String;
            default -> throw new IllegalStateException(words[1]);
        };
        return isOfType && (words.length == 2 || List.of(words[2].split("\\|")).contains(text));
    }

    @Test
    void everyFieldIsOneOfKubernetes() throws IOException {
        Map<String, String[]> known = known();
        List<String> wrong = new ArrayList<>();
        for (Map<?, ?> document : documents()) {
            assertEquals(API_VERSIONS.get(document.get("kind")), document.get("apiVersion"));
            fields(document).stream()
                    .filter(field -> !fits(field, known))
                    .forEach(field -> wrong.add("%s: %s".formatted(field.path(), field.value())));
        }

        assertEquals(List.of(), wrong);
        assertEquals(API_VERSIONS.size(), documents().size());
    }

    /// A code that the supervisor does not start again fails the Job, and no other code does.
    @Test
    void theJobsFailOnTheExitCodesOfErrorsThatAnotherStartRepeats() throws IOException {
        List<Object> expected = List.of(ExitCode.REFUSED, ExitCode.USAGE, ExitCode.BUG);
        for (String kind : List.of("Job", "ClusterTrainingRuntime")) {
            List<Object> codes = fields(document(kind)).stream()
                    .filter(field -> field.path().endsWith("onExitCodes.values[]"))
                    .map(Field::value)
                    .toList();
            assertEquals(expected, codes, kind);
        }
        assertTrue(!expected.contains(ExitCode.RANK_FAILURE));
    }

    /// The pods of the Job are ranks of one world: as many as the completions, with a master that the Service names.
    @Test
    void thePodsOfTheJobFindEachOther() throws IOException {
        Map<?, ?> job = document("Job");
        Map<String, String> environment = new HashMap<>();
        List<Field> fields = fields(job);
        for (int i = 0; i < fields.size(); i++) {
            if (fields.get(i).path().endsWith("env[].name")) {
                environment.put(
                        fields.get(i).value().toString(),
                        fields.get(i + 1).value().toString());
            }
        }
        Object completions = value(job, "Job.spec.completions");
        String master = Objects.requireNonNull(environment.get("BOWLINE_MASTER"));

        assertEquals(completions.toString(), environment.get("BOWLINE_NODES"));
        assertEquals(completions, value(job, "Job.spec.parallelism"));
        String subdomain = value(job, "Job.spec.template.spec.subdomain").toString();
        assertEquals(
                "{name=%s}".formatted(subdomain),
                String.valueOf(document("Service").get("metadata")));
        assertEquals("tune-0.%s:29500".formatted(subdomain), master);
        environment.put("JOB_COMPLETION_INDEX", "1");
        assertEquals(Set.of("BOWLINE_NODES", "BOWLINE_MASTER", "JOB_COMPLETION_INDEX"), environment.keySet());
        assertTrue(Rendezvous.of(environment).isEmpty(), "a machine, not a rank");
        Node node = Node.of(environment).orElseThrow();
        assertEquals(1, node.rank());
        assertEquals(2, node.worldSize());
    }

    private static Object value(Map<?, ?> document, String path) {
        return fields(document).stream()
                .filter(field -> field.path().equals(path))
                .findFirst()
                .orElseThrow()
                .value();
    }

    @Test
    void theRecipeIsOneOfBowline() throws IOException {
        Path file = directory.resolve("recipe.yaml");
        Files.writeString(
                file, value(document("ConfigMap"), "ConfigMap.data.recipe.yaml").toString());

        // The files of the volume are not here.
        List<String> files = List.of(
                "model.pretrained_model_name_or_path="
                        + Path.of("src/main/resources/demo/model").toAbsolutePath(),
                "dataset.path=" + Path.of("src/main/resources/demo/train.jsonl").toAbsolutePath());
        Recipe recipe = RecipeFile.load(file, files).recipe();

        assertEquals(
                DistributedSection.Strategy.FSDP,
                recipe.distributed().orElseThrow().strategy());
        assertTrue(recipe.checkpoint().restoreFrom().isPresent());
    }
}
