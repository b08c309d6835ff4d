# swarmgen 0.1.0, config sha256:46dc8dd435f3d30a24593a9b2782c6e8352b9f2242a4cd32941a9ff4398c47e3
docker service create \
  --name jupyter-2bd806c97f0e00af1a1fc3328fa763a9-1 \
  --replicas 1 \
  --label swarmgen.deployment=jupyter \
  --label swarmgen.server= \
  --label swarmgen.user=alice \
  --container-label 'image_name=Minimal python notebook' \
  --endpoint-mode dnsrr \
  jupyter/base-notebook:30f16d52126f \
  /usr/local/bin/start-singleuser.sh
