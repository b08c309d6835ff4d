# swarmgen 0.1.0, config sha256:b111bde711b8dba3ffbc48e860db3917bd6a09bf6b6183eff2a4595a6083dae1
docker service create \
  --name jupyter-2bd806c97f0e00af1a1fc3328fa763a9-1 \
  --replicas 1 \
  --label swarmgen.deployment=jupyter \
  --label swarmgen.server= \
  --label swarmgen.user=alice \
  --container-label 'image_name=Minimal python notebook' \
  --limit-cpu 1 \
  --limit-memory 512000000 \
  --reserve-cpu 1 \
  --reserve-memory 512000000 \
  --endpoint-mode dnsrr \
  jupyter/base-notebook:30f16d52126f
