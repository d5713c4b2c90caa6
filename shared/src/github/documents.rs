//! Every GraphQL document that is ever sent. Tests hold them against GitHub's schema, and the sandbox's GitHub answers
//! these and no others.

pub const REPOSITORY_NAME: &str = "query RepositoryName($owner: String!, $name: String!) { \
    repository(owner: $owner, name: $name, followRenames: true) { nameWithOwner } }";
pub const UPDATE_REFS: &str = "mutation UpdateRefs($input: UpdateRefsInput!) { \
    updateRefs(input: $input) { clientMutationId } }";
/// What REST leaves out of a pull request that is not open: the commit that the merge made (gone since API version
/// 2026-03-10), and who closed it.
pub const PULL_REQUEST_ENDING: &str = "query PullRequestEnding($owner: String!, $name: String!, $number: Int!) { \
    repository(owner: $owner, name: $name) { pullRequest(number: $number) { mergeCommit { oid } mergedBy { login } \
    timelineItems(last: 1, itemTypes: [CLOSED_EVENT]) { nodes { ... on ClosedEvent { actor { login } } } } } } }";
pub const MERGE_STATE: &str = "query MergeState($owner: String!, $name: String!, $number: Int!) { \
    repository(owner: $owner, name: $name) { autoMergeAllowed pullRequest(number: $number) { \
    id state headRefOid mergeStateStatus isInMergeQueue isMergeQueueEnabled \
    mergeCommit { oid } autoMergeRequest { enabledAt } } } }";
/// What a merge needs beside green checks. `refUpdateRule` shows the classic protection to those who may not read it whole.
pub const MERGE_NEEDS: &str = "query MergeNeeds($owner: String!, $name: String!, $number: Int!) { \
    repository(owner: $owner, name: $name) { pullRequest(number: $number) { \
    reviewDecision baseRef { refUpdateRule { requiresSignatures } } \
    commits(last: 1) { nodes { commit { signature { isValid } } } } } } }";
pub const BRANCH_NEEDS: &str = "query BranchNeeds($owner: String!, $name: String!, $branch: String!) { \
    repository(owner: $owner, name: $name) { ref(qualifiedName: $branch) { \
    refUpdateRule { requiredApprovingReviewCount requiresSignatures } } } }";
pub const MARK_READY: &str = "mutation MarkReady($input: MarkPullRequestReadyForReviewInput!) { \
    markPullRequestReadyForReview(input: $input) { pullRequest { id } } }";
pub const ENQUEUE: &str = "mutation Enqueue($input: EnqueuePullRequestInput!) { \
    enqueuePullRequest(input: $input) { mergeQueueEntry { id } } }";
pub const DEQUEUE: &str = "mutation Dequeue($input: DequeuePullRequestInput!) { \
    dequeuePullRequest(input: $input) { clientMutationId } }";
pub const ENABLE_AUTO_MERGE: &str = "mutation EnableAutoMerge($input: EnablePullRequestAutoMergeInput!) { \
    enablePullRequestAutoMerge(input: $input) { pullRequest { id } } }";
pub const DISABLE_AUTO_MERGE: &str = "mutation DisableAutoMerge($input: DisablePullRequestAutoMergeInput!) { \
    disablePullRequestAutoMerge(input: $input) { clientMutationId } }";
pub const REVERT_STATE: &str = "query RevertState($owner: String!, $name: String!, $number: Int!) { \
    repository(owner: $owner, name: $name) { pullRequest(number: $number) { id headRefName } } }";
pub const REVERT: &str = "mutation Revert($input: RevertPullRequestInput!) { \
    revertPullRequest(input: $input) { revertPullRequest { number url headRefOid headRefName } } }";

/// All of them.
pub const ALL: [&str; 13] = [
    REPOSITORY_NAME,
    UPDATE_REFS,
    PULL_REQUEST_ENDING,
    MERGE_STATE,
    MERGE_NEEDS,
    BRANCH_NEEDS,
    MARK_READY,
    ENQUEUE,
    DEQUEUE,
    ENABLE_AUTO_MERGE,
    DISABLE_AUTO_MERGE,
    REVERT_STATE,
    REVERT,
];

#[cfg(test)]
mod tests {
    use apollo_compiler::{ExecutableDocument, Schema};

    use super::ALL;

    /// The part of GitHub's public schema that the documents use, with the fields of its inputs that are sent.
    const SCHEMA: &str = r#"
        type Query { repository(followRenames: Boolean = true, name: String!, owner: String!): Repository }
        type Mutation {
          updateRefs(input: UpdateRefsInput!): UpdateRefsPayload
          markPullRequestReadyForReview(
            input: MarkPullRequestReadyForReviewInput!
          ): MarkPullRequestReadyForReviewPayload
          enqueuePullRequest(input: EnqueuePullRequestInput!): EnqueuePullRequestPayload
          dequeuePullRequest(input: DequeuePullRequestInput!): DequeuePullRequestPayload
          enablePullRequestAutoMerge(input: EnablePullRequestAutoMergeInput!): EnablePullRequestAutoMergePayload
          disablePullRequestAutoMerge(input: DisablePullRequestAutoMergeInput!): DisablePullRequestAutoMergePayload
          revertPullRequest(input: RevertPullRequestInput!): RevertPullRequestPayload
        }
        scalar DateTime
        scalar GitObjectID
        scalar GitRefname
        scalar URI
        enum MergeStateStatus { BEHIND BLOCKED CLEAN DIRTY DRAFT HAS_HOOKS UNKNOWN UNSTABLE }
        enum PullRequestMergeMethod { MERGE REBASE SQUASH }
        enum PullRequestReviewDecision { APPROVED CHANGES_REQUESTED REVIEW_REQUIRED }
        enum PullRequestState { CLOSED MERGED OPEN }
        enum PullRequestTimelineItemsItemType { CLOSED_EVENT MERGED_EVENT }
        interface Actor { login: String! }
        type User implements Actor { login: String! }
        interface GitSignature { isValid: Boolean! }
        type GpgSignature implements GitSignature { isValid: Boolean! }
        type Repository {
          autoMergeAllowed: Boolean!
          nameWithOwner: String!
          pullRequest(number: Int!): PullRequest
          ref(qualifiedName: String!): Ref
        }
        type Ref { refUpdateRule: RefUpdateRule }
        type RefUpdateRule { requiredApprovingReviewCount: Int requiresSignatures: Boolean! }
        type Commit { oid: GitObjectID! signature: GitSignature }
        type PullRequestCommit { commit: Commit! }
        type PullRequestCommitConnection { nodes: [PullRequestCommit] }
        type AutoMergeRequest { enabledAt: DateTime }
        type MergeQueueEntry { id: ID! }
        type ClosedEvent { actor: Actor createdAt: DateTime! }
        type MergedEvent { actor: Actor createdAt: DateTime! }
        union PullRequestTimelineItems = ClosedEvent | MergedEvent
        type PullRequestTimelineItemsConnection { nodes: [PullRequestTimelineItems] }
        type PullRequest {
          id: ID!
          number: Int!
          url: URI!
          state: PullRequestState!
          headRefName: String!
          headRefOid: GitObjectID!
          isInMergeQueue: Boolean!
          isMergeQueueEnabled: Boolean!
          mergeStateStatus: MergeStateStatus!
          mergedBy: Actor
          mergeCommit: Commit
          autoMergeRequest: AutoMergeRequest
          baseRef: Ref
          commits(last: Int): PullRequestCommitConnection!
          reviewDecision: PullRequestReviewDecision
          timelineItems(last: Int, itemTypes: [PullRequestTimelineItemsItemType!]): PullRequestTimelineItemsConnection!
        }
        input RefUpdate { afterOid: GitObjectID! beforeOid: GitObjectID force: Boolean = false name: GitRefname! }
        input UpdateRefsInput { refUpdates: [RefUpdate!]! repositoryId: ID! }
        input MarkPullRequestReadyForReviewInput { pullRequestId: ID! }
        type MarkPullRequestReadyForReviewPayload { pullRequest: PullRequest }
        input EnqueuePullRequestInput { expectedHeadOid: GitObjectID pullRequestId: ID! }
        input DequeuePullRequestInput { id: ID! }
        input EnablePullRequestAutoMergeInput {
          commitBody: String
          commitHeadline: String
          expectedHeadOid: GitObjectID
          mergeMethod: PullRequestMergeMethod
          pullRequestId: ID!
        }
        input DisablePullRequestAutoMergeInput { pullRequestId: ID! }
        input RevertPullRequestInput { body: String draft: Boolean pullRequestId: ID! title: String }
        type UpdateRefsPayload { clientMutationId: String }
        type EnqueuePullRequestPayload { mergeQueueEntry: MergeQueueEntry }
        type DequeuePullRequestPayload { clientMutationId: String }
        type EnablePullRequestAutoMergePayload { pullRequest: PullRequest }
        type DisablePullRequestAutoMergePayload { clientMutationId: String }
        type RevertPullRequestPayload { revertPullRequest: PullRequest }
    "#;

    #[test]
    fn every_document_is_sound_by_the_schema() {
        let schema = Schema::parse_and_validate(SCHEMA, "github.graphql").unwrap();
        for document in ALL {
            let read = ExecutableDocument::parse_and_validate(&schema, document, "document.graphql");
            let read = read.unwrap_or_else(|error| panic!("{document}: {}", error.errors));
            assert!(read.operations.anonymous.is_none() && read.operations.named.len() == 1, "{document}");
            let wrong = document.replace("repository(", "repositories(").replace("input: $", "inputs: $");
            assert!(ExecutableDocument::parse_and_validate(&schema, wrong, "wrong.graphql").is_err());
        }
    }
}
