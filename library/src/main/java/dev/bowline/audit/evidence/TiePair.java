package dev.bowline.audit.evidence;

import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/// The two tensors in question.
///
/// @param architecture `architectures[0]` of config.json; empty when it says none
/// @param headKey the key of the head in the files, or the one it would have
/// @param embeddingKey likewise for the input embedding
/// @param head empty when no file has it in plain form
/// @param embedding likewise
/// @param headParts keys of a head that is stored in quantised parts
/// @param embeddingParts likewise
/// @param auxiliary other tensors that look like a head or an embedding and are left alone
/// @param unmapped head tensors under a name the architecture does not map
/// @param hasHead whether the architecture has a causal head at all
/// @param reason why these two were chosen
public record TiePair(
        Optional<String> architecture,
        String headKey,
        String embeddingKey,
        Optional<PlacedTensor> head,
        Optional<PlacedTensor> embedding,
        List<String> headParts,
        List<String> embeddingParts,
        List<String> auxiliary,
        List<String> unmapped,
        boolean hasHead,
        String reason) {

    public TiePair {
        headParts = List.copyOf(headParts);
        embeddingParts = List.copyOf(embeddingParts);
        auxiliary = List.copyOf(auxiliary);
        unmapped = List.copyOf(unmapped);
    }

    public boolean headIsThere() {
        return head.isPresent() || !headParts.isEmpty();
    }

    public boolean embeddingIsThere() {
        return embedding.isPresent() || !embeddingParts.isEmpty();
    }

    public boolean isQuantised() {
        return !headParts.isEmpty() || !embeddingParts.isEmpty();
    }

    /// A tensor of the pair without rows, the result of saving a sharded model that was not gathered before.
    public Optional<PlacedTensor> placeholder() {
        return Stream.of(embedding, head)
                .flatMap(Optional::stream)
                .filter(_ -> !isQuantised())
                .filter(tensor ->
                        tensor.entry().shape().size() != 2 || tensor.entry().elements() == 0)
                .findFirst();
    }
}
