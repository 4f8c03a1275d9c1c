package dev.bowline.audit.findings;

import dev.bowline.audit.evidence.ReleaseTies;
import dev.bowline.audit.evidence.Subject;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeSet;
import java.util.stream.Stream;

/// The modules of a base model, by the names that they have in the files and by those that transformers' class gives
/// them: adapters are written with the class's names.
///
/// @param shapes of each module's weight
/// @param names of all tensors, sorted, so that a module is found by what begins with it
record BaseModules(Map<String, List<Long>> shapes, TreeSet<String> names) {

    private static final String WEIGHT = ".weight";

    static BaseModules of(Subject base) {
        Map<String, List<Long>> shapes = new HashMap<>();
        TreeSet<String> names = new TreeSet<>();
        List<ReleaseTies> releases = base.table().stream()
                .flatMap(entry -> Stream.concat(entry.v5().stream(), entry.v4().stream()))
                .toList();
        base.tensors().forEach((key, tensor) -> {
            Stream<String> spelled =
                    Stream.concat(Stream.of(key), releases.stream().map(release -> release.rename(key)));
            spelled.forEach(name -> {
                names.add(name);
                if (name.endsWith(WEIGHT)) {
                    shapes.put(
                            name.substring(0, name.length() - WEIGHT.length()),
                            tensor.entry().shape());
                }
            });
        });
        // A tied head has no tensor of its own, and the class has the module all the same.
        String head = base.pair().headKey();
        if (base.pair().hasHead() && names.add(head) && head.endsWith(WEIGHT)) {
            base.pair()
                    .embedding()
                    .ifPresent(embedding -> shapes.put(
                            head.substring(0, head.length() - WEIGHT.length()),
                            embedding.entry().shape()));
        }
        return new BaseModules(shapes, names);
    }

    boolean has(String module) {
        String inside = names.ceiling(module + ".");
        return inside != null && inside.startsWith(module + ".");
    }

    Optional<List<Long>> shape(String module) {
        return Optional.ofNullable(shapes.get(module));
    }

    /// A module of the base that ends as `module` does after its first `layers.`: the same, behind another prefix.
    Optional<String> withOtherPrefix(String module) {
        int layers = module.indexOf("layers.");
        if (layers < 0) {
            return Optional.empty();
        }
        String end = module.substring(layers);
        return shapes.keySet().stream()
                .filter(name -> name.endsWith("." + end) || name.equals(end))
                .sorted()
                .findFirst();
    }
}
