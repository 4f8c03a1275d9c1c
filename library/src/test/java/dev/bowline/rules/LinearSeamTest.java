package dev.bowline.rules;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.lang.classfile.ClassFile;
import java.lang.classfile.constantpool.MemberRefEntry;
import java.lang.classfile.constantpool.PoolEntry;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.Predicate;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/// Only the operators of a linear multiply with a weight, and only those of an embedding look up rows of a
/// table. A class that reads the values of a slot or a parameter and also calls a matrix product or a lookup
/// would ignore an adapter or a quantised weight that replaced the operator.
class LinearSeamTest {

    private static final Path CLASSES = Path.of("target", "classes", "dev", "bowline");

    /// The packages through which activations and their gradients pass.
    private static final List<String> PACKAGES = List.of("nn", "loss", "model", "generate", "train");

    /// The operators, what they are made of, and `Parameter`, whose product is a gradient's.
    private static final Set<String> MAY_MULTIPLY = Set.of(
            "DenseLinear",
            "LinearStack",
            "LoraEmbedding",
            "LowRankPair",
            "NormalizedLinear",
            "Parameter",
            "QuantizedLinear",
            "RowsLinear",
            "WeightMatrix");

    private static final Set<String> READS = Set.of("Slot.tensor", "Parameter.value");

    private static final Set<String> PRODUCTS = Set.of(
            "addmm",
            "addmm_",
            "addmm_out",
            "addmv",
            "addProduct",
            "batched",
            "batchedProduct",
            "bmm",
            "bmm_out",
            "einsum",
            "linear",
            "linear_out",
            "matmul",
            "matmul_out",
            "mm",
            "mm_out",
            "mv",
            "productInto",
            "tensordot");

    /// The operators, and the router's factors of experts, which are no embedding.
    private static final Set<String> MAY_LOOK_UP =
            Set.of("DenseEmbedding", "LoraEmbedding", "RowsEmbedding", "RowsLinear", "ScaledRouter");

    private static final Set<String> LOOKUPS =
            Set.of("embedding", "gather", "index", "index_select", "index_select_out", "take");

    private static final Set<String> WITH_PRODUCTS = Set.of("Ops", "KernelPolicy", "Tensor", "torch");

    /// All methods of the class are products but this one.
    private static final String QUESTION = "MatMul.isDirect";

    @Test
    void onlyOperatorsMultiplyWithAWeight() throws IOException {
        assertEquals(new TreeSet<>(MAY_MULTIPLY), readersThatCall(LinearSeamTest::isProduct));
    }

    @Test
    void onlyOperatorsLookUpRowsOfATable() throws IOException {
        assertEquals(new TreeSet<>(MAY_LOOK_UP), readersThatCall(LinearSeamTest::isLookup));
    }

    private static Set<String> readersThatCall(Predicate<String> operation) throws IOException {
        Map<String, Set<String>> calls = new TreeMap<>();
        for (String part : PACKAGES) {
            try (Stream<Path> files = Files.walk(CLASSES.resolve(part))) {
                for (Path file :
                        files.filter(path -> path.toString().endsWith(".class")).toList()) {
                    calls.computeIfAbsent(name(file), _ -> new TreeSet<>()).addAll(calls(file));
                }
            }
        }
        Set<String> found = new TreeSet<>();
        calls.forEach((name, called) -> {
            if (called.stream().anyMatch(READS::contains) && called.stream().anyMatch(operation)) {
                found.add(name);
            }
        });
        return found;
    }

    /// `Class.method`, by simple names.
    private static Set<String> calls(Path file) throws IOException {
        Set<String> calls = new TreeSet<>();
        for (PoolEntry entry : ClassFile.of().parse(file).constantPool()) {
            if (entry instanceof MemberRefEntry member) {
                String owner = member.owner().asInternalName();
                calls.add(owner.substring(owner.lastIndexOf('/') + 1) + "."
                        + member.name().stringValue());
            }
        }
        return calls;
    }

    private static boolean isProduct(String call) {
        String owner = call.substring(0, call.indexOf('.'));
        if (owner.equals("MatMul")) {
            return !call.equals(QUESTION);
        }
        return WITH_PRODUCTS.contains(owner) && PRODUCTS.contains(call.substring(owner.length() + 1));
    }

    private static boolean isLookup(String call) {
        return Set.of("Tensor", "torch").contains(call.substring(0, call.indexOf('.')))
                && LOOKUPS.contains(call.substring(call.indexOf('.') + 1));
    }

    /// The simple name of the outermost class.
    private static String name(Path file) {
        String name = file.getFileName().toString().replace(".class", "");
        return name.contains("$") ? name.substring(0, name.indexOf('$')) : name;
    }
}
